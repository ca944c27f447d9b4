"""What a PostgreSQL that does not serve looks like from here, in words; and a single connection to one that does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

# What a database that is gone, frozen or refusing looks like from here.
UNREACHABLE = (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)
START_FAILURES = (*UNREACHABLE, asyncpg.PostgresError, ValueError)
STEP_S = 60.0  # for one statement of preparation, and for another process that is preparing the same


@asynccontextmanager
async def connection(
    database_url: str, *, connect_timeout_s: float, database: str | None = None, **options: str
) -> AsyncIterator[Any]:
    """For preparing things: long statements may run on it. `options` are settings of PostgreSQL."""
    opened = await asyncpg.connect(
        database_url,
        database=database,
        timeout=connect_timeout_s,
        command_timeout=STEP_S,
        server_settings=options or None,
    )
    try:
        yield opened
    finally:
        await opened.close(timeout=connect_timeout_s)


def reason(error: BaseException) -> str:
    """What an error says, or at least its name: time-outs have no words."""
    return str(error) or type(error).__name__
