"""`python -m harness.services.backends.dropping schema|database NAME`: drop what was made for a trial, and nothing else; the janitor starts it.

The address is in a variable of the environment, with a number instead of a name: it was vetted by whoever made the trial.
"""

import asyncio
import os
import sys
from typing import Final

import asyncpg

from harness.services.cleanup.leftover_databases import DSN, NAME

SQL: Final = {
    "schema": 'DROP SCHEMA IF EXISTS "{}" CASCADE',
    "database": 'DROP DATABASE IF EXISTS "{}" WITH (FORCE)',
}
CONNECT_S: Final = 10.0
DROP_S: Final = 20.0


async def drop(dsn: str, kind: str, name: str) -> None:
    """It is not there any more afterwards, whether it was there before or not."""
    connection = await asyncpg.connect(
        dsn,
        timeout=CONNECT_S,
        command_timeout=DROP_S,
        statement_cache_size=0,
        server_settings={"application_name": "harness verify"},
    )
    try:
        await connection.execute(SQL[kind].format(name))
    finally:
        await connection.close(timeout=CONNECT_S)


def main(kind: str, name: str) -> int:
    """The exit code; what went wrong is a line on standard error, without the address."""
    if kind not in SQL or not NAME.fullmatch(name):
        return 2
    try:
        asyncio.run(drop(os.environ[DSN], kind, name))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, ValueError) as error:
        print(type(error).__name__, file=sys.stderr)  # noqa: T201 - for the janitor's log
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
