"""The errors of a PostgreSQL that does not serve, in words; and a single connection for preparations."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

# The errors of a database that is gone, frozen or refusing.
UNREACHABLE = (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)
START_FAILURES = (*UNREACHABLE, asyncpg.PostgresError, ValueError)
STEP_S = 60.0  # for one statement of preparation, and for another process that is preparing the same


@asynccontextmanager
async def connection(
    database_url: str, *, connect_timeout_s: float, database: str | None = None, **options: str
) -> AsyncIterator[Any]:
    """Yield a connection for preparations: long statements may run on it.

    `options` are PostgreSQL's settings.
    """
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
    """Return an error's message, or its class name if it has none, as time-outs do."""
    return str(error) or type(error).__name__
