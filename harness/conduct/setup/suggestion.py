"""Commands that would work against a server, from what it says of its tools."""

import json
import shlex
from collections.abc import Mapping
from itertools import islice
from random import Random
from typing import Any, Final

from harness.conduct.setup.proposed_access import Access, to_command, to_url
from harness.mcp import stdio_address, tool
from harness.mcp.json_object import JsonObject
from harness.mcp.schemas.arguments import drawn
from harness.mcp.schemas.values import NoValueError

USERS_MOST: Final = 50
PROCESSES_MOST: Final = 10  # each of its sessions is a process
WRITERS_MOST: Final = 5  # users of a tool that may write
SHOWN_MOST: Final = 3


def commands_that_work(
    tools: Mapping[str, Mapping[str, Any]], url: str, access: Access | None = None
) -> list[str]:
    """Return up to four commands: all tools, and single ones, those with the fewest required arguments first.

    Tools that may write are proposed only where none is annotated as read-only, for few users, and with a word about it.
    Where a secret leads to the server, a variable is named in its place, and a last line says which have to be set.
    A tool whose name has control characters is left out: it must not be copied into a shell. So is one whose name
    has `${`: the harness would fill in a variable of the environment, and send it to the server. So is one of whose
    schema no arguments can be made.
    """
    examples = {name: _example(one) for name, one in tools.items() if name.isprintable()}
    able = [
        name for name, example in examples.items() if example is not None and "${" not in f"{name}{example}"
    ]
    reads = [name for name in able if tool.only_reads(tools[name])]
    names = sorted(
        reads or able,
        key=lambda name: ("echo" not in name.lower(), len(tool.required(tools[name])), name),
    )
    stdio = stdio_address.command(url)
    access = access or (to_command(stdio) if stdio else to_url(url, url, {}))
    at = access.flags()
    most = min(PROCESSES_MOST if stdio else USERS_MOST, USERS_MOST if reads else WRITERS_MOST)
    named = access.names()
    if not names:
        return []
    return [
        *([f"  harness sustain --users 5 --for 20s {at} --all-tools"] if reads else []),
        *(
            f"  harness ramp --max {most} {at} --call {shlex.quote(name)}"
            + (f" --args {shlex.quote(json.dumps(examples[name]))}" if examples[name] else "")
            + ("" if reads else "  # it may write: it is not annotated as read-only")
            for name in names[:SHOWN_MOST]
        ),
        *(
            []
            if reads
            else [
                f"  harness sustain --users 5 --for 20s {at} --all-tools --allow-writes  # all of them may write"
            ]
        ),
        *(
            [f"Secrets stand in none of them: set {', '.join(named)} before (export {named[0]}=...)"]
            if named
            else []
        ),
    ]


def _example(description: Mapping[str, Any]) -> JsonObject | None:
    """Return arguments that its schema allows, for the user to edit; None if there are none."""
    try:
        return next(islice(drawn(description.get("inputSchema"), Random(0)), 1), None)
    except NoValueError:
        return None
