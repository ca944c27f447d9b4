"""A canary to PostgreSQL: one statement that sends or returns a given number of bytes.

It uses a connection that stays open, as the target's pool does, unless a fresh one is asked for. A broken one is
opened again first, which is not timed. How long a connection takes to close is measured with a request to
cancel a statement that does not exist: PostgreSQL answers it by closing the connection.
"""

import asyncio
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import asyncpg

from harness.faults.canary.evidence import Ask, Canary, end_of
from harness.foundation.addresses import resolved
from harness.foundation.clock import Clock, within
from harness.foundation.units import NS_PER_MS

EACH = 100  # bytes that a request stands for, each way
CANCEL = struct.pack("!iiii", 16, 80877102, 0, 0)


@dataclass(slots=True)
class Postgres:
    """Canaries to a PostgreSQL server, by one path: through the link or beside it."""

    url: str = field(repr=False)
    clock: Clock
    kept: "asyncpg.Connection[asyncpg.Record] | None" = None

    async def probe(self, ask: Ask) -> Canary:
        """Send one canary. Never raises: every error is a result."""
        began_ns = self.clock.now_ns()
        try:
            async with within(ask.limit_s):
                if ask.until_closed:
                    closing_ms = await self._closing_ms()
                    return Canary("replied", 0.0, closing_ms=closing_ms)
                return await self._statement(ask)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            end, why = end_of(error), str(error)
            if end == "closed" and isinstance(error.__cause__ or error.__context__, ConnectionResetError):
                end = "reset"
        await self.close()
        return Canary(end, (self.clock.now_ns() - began_ns) / NS_PER_MS, why=why)

    async def _statement(self, ask: Ask) -> Canary:
        if ask.fresh:
            await self.close()
        if self.kept is None or self.kept.is_closed():
            self.kept = await asyncpg.connect(self.url, timeout=ask.limit_s, statement_cache_size=0)
        into, out = EACH * ask.requests, ask.padding * ask.requests
        began_ns = self.clock.now_ns()
        if out:
            await self.kept.execute(f"SELECT length('{'x' * out}')")
        elif ask.requests > 1:
            await self.kept.execute(f"SELECT repeat('x', {into})")
        else:
            await self.kept.execute("SELECT 1")
        return Canary("replied", (self.clock.now_ns() - began_ns) / NS_PER_MS, out or EACH, into)

    async def _closing_ms(self) -> float:
        where = urlsplit(self.url)
        reader, writer = await resolved.connection(where.hostname or "", where.port or 5432)
        try:
            writer.write(CANCEL)
            await writer.drain()
            began_ns = self.clock.now_ns()
            while await reader.read(1024):
                pass
            return (self.clock.now_ns() - began_ns) / NS_PER_MS
        finally:
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def close(self) -> None:
        connection, self.kept = self.kept, None
        if connection is not None:
            with suppress(Exception):  # over a broken link it may fail in any way, and is gone all the same
                connection.terminate()
