"""The databases of the service: its own, with its tables, and the three that its tools read.

Connections to the three are read-only for PostgreSQL itself, belong to a role that may read and nothing else, and
carry the statement timeout, all as settings of the connection: a query is then one round trip, in a read-only
transaction of its own, instead of four. Connections beyond the first are opened when they are needed, and kept.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import asyncpg

from harness.foundation.errors import TargetUnreachableError
from harness.reference import schema, seed
from harness.reference.connecting import START_FAILURES, UNREACHABLE, reason
from harness.reference.dialect import DATABASES
from harness.reference.pool import BusyError, Pool, Table
from harness.reference.settings import Settings, without_password

__all__ = ["UNREACHABLE", "BusyError", "Databases", "Pool", "Table", "opened", "reason"]


@dataclass(frozen=True, slots=True)
class Databases:
    """The service's own database and the three that its tools read."""

    own: Pool
    read: dict[str, Pool]

    def statistics(self) -> dict[str, dict[str, float]]:
        return {"own": self.own.statistics(), **{name: pool.statistics() for name, pool in self.read.items()}}


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Databases]:
    """Yield the databases, filled and ready; raise a clear error when PostgreSQL is not there."""
    own = _pool(settings, None, {"synchronous_commit": "off", "search_path": settings.schema})
    read = {name: _read_pool(settings, name) for name in DATABASES}
    pools = (own, *read.values())
    try:
        try:
            timeout_s = settings.connect_timeout_s
            await schema.ensure(settings.database_url, settings.schema, connect_timeout_s=timeout_s)
            await seed.ensure(settings.database_url, connect_timeout_s=timeout_s)
            await asyncio.gather(*(pool.open() for pool in pools))
        except START_FAILURES as error:
            raise TargetUnreachableError(
                "The target cannot use its database.",
                f"{without_password(settings.database_url)}: {reason(error)}",
                "Start PostgreSQL, give another --database-url, or let its user create databases, schemas and roles.",
            ) from error
        yield Databases(own, read)
    finally:
        await asyncio.gather(*(pool.close() for pool in pools))


def _read_pool(settings: Settings, database: str) -> Pool:
    return _pool(
        settings,
        database,
        {
            "role": seed.READER,
            "default_transaction_read_only": "on",
            "statement_timeout": str(round(settings.statement_timeout_s * 1000)),
        },
    )


def _pool(settings: Settings, database: str | None, options: dict[str, str]) -> Pool:
    connect: Any = partial(
        asyncpg.connect,
        settings.database_url,
        database=database,
        timeout=settings.connect_timeout_s,
        # PostgreSQL ends a slow statement itself; this ends waiting for a server that says nothing at all
        command_timeout=settings.statement_timeout_s + 2,
        server_settings={"application_name": "harness-target", **options},
    )
    return Pool(
        connect,
        size_min=settings.pool_min,
        size_max=settings.pool_max,
        wait_s=settings.pool_wait_s,
        result_bytes_max=settings.result_bytes_max,
    )
