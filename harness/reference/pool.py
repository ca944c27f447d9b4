"""Connections to one PostgreSQL database, shared by all clients, and rows as plain JSON values.

Rules:
  - between `size_min` and `size_max` connections; the last one used is used next, so that the others may rest;
  - clients get connections by turns (`turns`), and wait for `wait_s` at most;
  - a request gets its own context: the schema that it reads first is set whenever the connection last had
    another one, before anything of the request runs on it (one more round trip, only then);
  - a connection on which anything but an answer of PostgreSQL ended a use is thrown away, since nobody can know
    what is still on its way there: PostgreSQL is asked to stop what it does for it, and the place comes back when
    the connection is gone. So whatever happens, the next request finds a clean one;
  - a result of more than `result_bytes_max` is cut off while it comes in (`meter`).

Nothing else of a connection changes: `dialect` refuses the functions that could, so there is nothing to reset.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from harness.reference import caller
from harness.reference.connecting import UNREACHABLE
from harness.reference.fair_queue import NoTurnError, Turns
from harness.reference.json_object import JsonObject
from harness.reference.meter import Meter, ResultTooLargeError

CLOSE_S = 2.0
CLIENTS_MAX = 10_000  # how many clients are remembered for the statistics
_PLAIN = {int, str, bool, type(None)}


class BusyError(Exception):
    """No connection of the pool became free within the time limit."""


class UnreadableError(Exception):
    """Python cannot hold a value of the result, such as the time 24:00 or the year 20000."""


@dataclass(frozen=True, slots=True)
class Table:
    """The result of a query."""

    columns: list[str]
    rows: list[list[Any]]

    def as_json(self) -> JsonObject:
        return {"columns": self.columns, "rows": self.rows, "row_count": len(self.rows)}


@dataclass(slots=True)
class PooledConnection:
    """A connection, and the schema that it reads first now; None before one was set."""

    connection: Any
    meter: Meter
    schema: str | None = None


class Pool:
    """Connections to one database; `connect` makes one."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Any]],
        *,
        size_min: int,
        size_max: int,
        wait_s: float,
        result_bytes_max: int = 0,
    ) -> None:
        self._result_bytes_max = result_bytes_max
        self._connect, self._size_min, self._size_max = connect, size_min, size_max
        self._turns = Turns(size_max, wait_s)
        self._idle: list[PooledConnection] = []
        self._clients: OrderedDict[str, None] = OrderedDict()
        self._leaving: set[asyncio.Task[None]] = set()
        self._connected = 0
        self._discarded = 0

    async def open(self) -> None:
        """Open `size_min` connections, at least one, which shows that the database is there."""
        self._idle += [await self._connected_now() for _ in range(max(1, self._size_min))]

    @asynccontextmanager
    async def connection(self, schema: str | None = None) -> AsyncIterator[Any]:
        """Yield a connection that reads `schema` first, for the present caller alone."""
        async with self._borrowed(schema) as pooled:
            yield pooled.connection

    @asynccontextmanager
    async def _borrowed(self, schema: str | None) -> AsyncIterator[PooledConnection]:
        client = caller.current().key
        self._remember(client)
        try:
            await self._turns.enter(client)
        except NoTurnError as error:
            raise BusyError(f"no free database connection {error}") from None
        try:
            pooled = await self._connection()
        except BaseException:
            self._turns.leave()
            raise
        clean = False
        try:
            if schema is not None and pooled.schema != schema:
                await self._change(pooled, schema)
            yield pooled
            clean = True
        except asyncpg.PostgresError:
            clean = True  # PostgreSQL has answered: the connection can be used again
            raise
        finally:
            if clean and not pooled.connection.is_closed():
                self._idle.append(pooled)
                self._turns.leave()
            else:
                self._throw_away(pooled)

    async def query(self, sql: str, *args: object, schema: str | None = None) -> Table:
        """Run one statement; return its rows as JSON values."""
        async with self._borrowed(schema) as pooled:
            pooled.meter.allow(self._result_bytes_max)
            try:
                records = await pooled.connection.fetch(sql, *args)  # prepared once, then one round trip
            except UNREACHABLE as error:
                if pooled.meter.exceeded:
                    raise ResultTooLargeError from error
                raise
            except (ValueError, ArithmeticError) as error:
                raise UnreadableError(error) from error
            pooled.meter.allow(0)
            if records:
                columns = list(records[0].keys())
            else:  # no row tells the columns' names: ask, which is rare enough to pay for
                statement = await pooled.connection.prepare(sql)
                columns = [attribute.name for attribute in statement.get_attributes()]
        return Table(columns, [[_plain(value) for value in record.values()] for record in records])

    def statistics(self) -> dict[str, float]:
        """Return how the connections are used: by how many clients, how often, and how long calls wait."""
        counts, opened = self._turns.counts, self._connected - self._discarded
        return {
            "min": self._size_min,
            "max": self._size_max,
            "open": opened,
            "idle": len(self._idle),
            "in_use": counts.in_use,
            "in_use_most": counts.in_use_most,
            "waiting": self._turns.waiting,
            "uses": counts.entered,
            "waited": counts.waited,
            "waited_s": round(counts.waited_s, 6),
            "refused": counts.refused,
            "connected": self._connected,
            "clients": len(self._clients),
        }

    async def close(self) -> None:
        """Close all connections within a short time limit, as PostgreSQL may be frozen."""
        pooled_all, self._idle = self._idle, []
        await asyncio.gather(*(self._goodbye(pooled.connection) for pooled in pooled_all), *self._leaving)

    async def _connection(self) -> PooledConnection:
        while self._idle:
            pooled = self._idle.pop()
            if not pooled.connection.is_closed():
                return pooled
            self._discarded += 1
        return await self._connected_now()

    async def _connected_now(self) -> PooledConnection:
        connection = await self._connect()
        self._connected += 1
        return PooledConnection(connection, Meter(connection))

    @staticmethod
    async def _change(pooled: PooledConnection, schema: str) -> None:
        pooled.schema = None  # until it is known to have worked
        await pooled.connection.execute(f'SET search_path TO "{schema}"')
        pooled.schema = schema

    def _throw_away(self, pooled: PooledConnection) -> None:
        self._discarded += 1
        goodbye = asyncio.create_task(self._goodbye(pooled.connection))
        self._leaving.add(goodbye)

        def gone(task: "asyncio.Task[None]") -> None:
            self._leaving.discard(task)
            self._turns.leave()

        goodbye.add_done_callback(gone)

    def _remember(self, client: str) -> None:
        if client not in self._clients:
            self._clients[client] = None
            if len(self._clients) > CLIENTS_MAX:
                self._clients.popitem(last=False)

    @staticmethod
    async def _goodbye(connection: Any) -> None:
        try:
            await connection.close(timeout=CLOSE_S)
        except UNREACHABLE:
            connection.terminate()


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
