"""Defects on purpose: `--break NAME` adds one to the service, to see which checks notice it.

Each is a small change in a file of its own, put in place by `applied`; the rest of the service does not know
it.
"""

from collections.abc import Mapping
from typing import Final

BREAKS: Final[Mapping[str, str]] = {
    "sessions-in-memory": "sessions are kept in the process: a restart loses them",
    "ack-before-commit": "append_entry answers before its entry is on disk: a crash loses acknowledged work",
    "leaky-context": "the schema of one request is sometimes that of another",
    "open-door": "with --auth any key opens every door",
    "greedy-cleanup": "the clean-up deletes sessions that are merely idle",
    "no-durability": "tables and queue do not survive a crash of their server",
    "slow-leak": "each request leaves 100 KB behind",
    "slow-query": "execute_query takes 15 % longer",
}
