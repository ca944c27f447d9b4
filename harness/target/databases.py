"""The connections to PostgreSQL: one bounded pool a database, and rows as plain JSON values.

Connections to the three databases are read-only for PostgreSQL itself and carry the statement timeout, as
settings of the connection: a query is then one round trip, in a read-only transaction of its own, instead of
four. Nothing here changes a setting afterwards (`dialect` refuses the functions that could), so pools need no
reset between uses either. Connections are opened when they are needed and kept.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from harness.errors import ServiceError
from harness.target import schema, seed
from harness.target.connecting import START_FAILURES, UNREACHABLE, reason
from harness.target.dialect import DATABASES
from harness.target.settings import Settings, without_password

__all__ = ["UNREACHABLE", "BusyError", "Databases", "Pool", "Table", "opened", "reason"]
CLOSE_S = 2.0
_PLAIN = {int, str, bool, type(None)}


class BusyError(Exception):
    """Every connection of the pool is in use, and stayed so for as long as one may wait."""


@dataclass(frozen=True, slots=True)
class Table:
    """The answer of a query."""

    columns: list[str]
    rows: list[list[Any]]

    def as_json(self) -> dict[str, Any]:
        return {"columns": self.columns, "rows": self.rows, "row_count": len(self.rows)}


class Pool:
    """Connections to one database."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", wait_s: float) -> None:
        self._pool, self._wait_s = pool, wait_s
        self._free = asyncio.Semaphore(pool.get_max_size())

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        # A free place is taken without a timer: asyncpg's own waiting limit costs a task each time.
        if self._free.locked():
            try:
                await asyncio.wait_for(self._free.acquire(), self._wait_s)
            except TimeoutError:
                raise BusyError(f"no free database connection within {self._wait_s:g} s") from None
        else:
            await self._free.acquire()
        try:
            async with self._pool.acquire() as connection:
                yield connection
        finally:
            self._free.release()

    async def query(self, sql: str, *args: object) -> Table:
        """Run one statement; its rows as values that JSON has."""
        async with self.connection() as connection:
            records = await connection.fetch(sql, *args)  # prepared once a connection, then one round trip
            if records:
                columns = list(records[0].keys())
            else:  # no row tells the columns' names: ask, which is rare enough to pay for
                columns = [attribute.name for attribute in (await connection.prepare(sql)).get_attributes()]
        return Table(columns, [[_plain(value) for value in record.values()] for record in records])

    def sizes(self) -> dict[str, int]:
        return {
            "max": self._pool.get_max_size(),
            "open": self._pool.get_size(),
            "idle": self._pool.get_idle_size(),
        }


@dataclass(frozen=True, slots=True)
class Databases:
    """The service's own database (sessions) and the three that its tools read."""

    own: Pool
    read: dict[str, Pool]

    def sizes(self) -> dict[str, dict[str, int]]:
        return {"own": self.own.sizes(), **{name: pool.sizes() for name, pool in self.read.items()}}


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Databases]:
    """The databases, filled and ready; a clear error when PostgreSQL is not there."""
    pools: list[asyncpg.Pool[asyncpg.Record]] = []
    try:
        try:
            timeout_s = settings.connect_timeout_s
            await schema.ensure(settings.database_url, settings.schema, connect_timeout_s=timeout_s)
            await seed.ensure(settings.database_url, connect_timeout_s=timeout_s)
            pools += [_own_pool(settings), *(_read_pool(settings, name) for name in DATABASES)]
            for pool in pools:
                await pool
        except START_FAILURES as error:
            raise ServiceError(
                "The target cannot use its database.",
                f"{without_password(settings.database_url)}: {reason(error)}",
                "Start PostgreSQL, give another --database-url, or let its user create databases, schemas and roles.",
            ) from error
        own, *read = (Pool(pool, settings.pool_wait_s) for pool in pools)
        yield Databases(own, dict(zip(DATABASES, read, strict=True)))
    finally:
        await asyncio.gather(*(_close(pool) for pool in pools))


def _own_pool(settings: Settings) -> "asyncpg.Pool[asyncpg.Record]":
    return _pool(settings, None, {"synchronous_commit": "off", "search_path": settings.schema})


def _read_pool(settings: Settings, database: str) -> "asyncpg.Pool[asyncpg.Record]":
    timeout_ms = str(round(settings.statement_timeout_s * 1000))
    return _pool(settings, database, {"default_transaction_read_only": "on", "statement_timeout": timeout_ms})


def _pool(
    settings: Settings, database: str | None, options: dict[str, str]
) -> "asyncpg.Pool[asyncpg.Record]":
    return asyncpg.create_pool(
        settings.database_url,
        database=database,
        min_size=settings.pool_min,
        max_size=settings.pool_max,
        timeout=settings.connect_timeout_s,
        # PostgreSQL ends a slow statement itself; this ends waiting for a server that says nothing at all
        command_timeout=settings.statement_timeout_s + 2,
        max_inactive_connection_lifetime=0,
        server_settings={"application_name": "harness-target", **options},
        reset=_no_reset,
    )


async def _no_reset(connection: object) -> None:
    """Nothing to reset: see the module's first paragraph."""


async def _close(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    """Say goodbye to PostgreSQL, but not for long: it may be the thing that is frozen."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await pool.close()
    except UNREACHABLE:
        pool.terminate()


def _plain(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
