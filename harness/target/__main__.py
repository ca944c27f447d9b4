"""`python -m harness.target`: the reference service alone, as a child of whoever needs it.

It takes a database by URL and starts none; starting an embedded one is the caller's business.
"""

import argparse
import os
import sys
from dataclasses import fields

from harness.errors import HarnessError, UsageError
from harness.target.serve import run
from harness.target.settings import Settings

ABOUT = {
    "database_url": "PostgreSQL to use (default: DATABASE_URL of the environment)",
    "host": "address to listen on",
    "port": "port to listen on; 0 takes a free one",
    "schema": "schema of the service's own tables",
    "session_ttl_s": "seconds until a session without activity expires",
    "session_sweep_s": "seconds between deletions of expired sessions",
    "pool_min": "connections kept open to each database",
    "pool_max": "connections at most to each database",
    "pool_wait_s": "seconds to wait for a free connection",
    "connect_timeout_s": "seconds to wait for PostgreSQL to accept a connection",
    "statement_timeout_s": "seconds that one statement may take",
    "health_timeout_s": "seconds that a health check may take",
    "drain_s": "seconds for calls in flight when asked to stop",
}


def main(arguments: list[str] | None = None) -> int:
    """Read the flags, serve, and say what went wrong in three short lines."""
    try:
        return run(settings_of(arguments))
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def settings_of(arguments: list[str] | None) -> Settings:
    parser = argparse.ArgumentParser(prog="python -m harness.target", description=__doc__)
    for field in fields(Settings):
        if field.name in ABOUT:
            flag = "--" + field.name.removesuffix("_s").replace("_", "-")
            kind = field.type if isinstance(field.type, type) else str
            parser.add_argument(flag, dest=field.name, type=kind, help=ABOUT[field.name])
    parser.add_argument("--sse", action="store_true", help="answer at /mcp with event streams")
    parser.add_argument(
        "--allow-host", action="append", default=[], help="a Host header to accept (repeatable)"
    )
    given = vars(parser.parse_args(arguments))
    url = given.pop("database_url") or os.environ.get("DATABASE_URL")
    if not url:
        raise UsageError(
            "The reference target needs a PostgreSQL database.",
            "Neither --database-url nor DATABASE_URL names one.",
            "Give --database-url postgresql://user@host:5432/postgres, or use `harness serve`, which brings its own.",
        )
    sse, hosts = given.pop("sse"), tuple(given.pop("allow_host"))
    set_values = {name: value for name, value in given.items() if value is not None}
    return Settings(database_url=url, json_response=not sse, allowed_hosts=hosts, **set_values)


if __name__ == "__main__":
    sys.exit(main())
