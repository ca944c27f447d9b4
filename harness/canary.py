"""Canaries: one small round trip of our own, through a link or beside it, timed.

- client link: a new connection and a GET of /health; any answer is an answer, 404 too
- database link: `SELECT 1` in one round trip on a connection that stays open; a broken one is opened again first

A canary that fails, or takes longer than its limit, is None. Their calls are not samples: nothing of them is
in the numbers of the run.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp
import asyncpg

from harness.clock import Clock
from harness.faults.fault import Pair
from harness.services.links import Link
from harness.units import NS_PER_MS

LIMIT_S = 10.0
PAIRS = 5

Probe = Callable[[], Awaitable[float | None]]


@dataclass(frozen=True, slots=True)
class Canaries:
    """The two ways of one link."""

    through: Probe
    beside: Probe

    async def pairs(self, count: int = PAIRS) -> list[Pair]:
        """Taken in turn, so that both sides see the same server."""
        return [Pair(beside_ms=await self.beside(), through_ms=await self.through()) for _ in range(count)]


@asynccontextmanager
async def opened(link: Link, url: str, clock: Clock) -> AsyncIterator[Canaries]:
    """Canaries for a link to the server at `url` (HTTP, or PostgreSQL)."""
    async with AsyncExitStack() as stack:
        if urlsplit(url).scheme.startswith("postgres"):
            ways = [_Database(way, clock) for way in (link.through(url), url)]
            for way in ways:
                stack.push_async_callback(way.close)
            yield Canaries(ways[0].probe, ways[1].probe)
        else:
            yield Canaries(_http(link.through(url), clock), _http(url, clock))


def _http(base_url: str, clock: Clock) -> Probe:
    async def probe() -> float | None:
        began_ns = clock.now_ns()
        try:
            async with (
                asyncio.timeout(LIMIT_S),
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True, ssl=False)) as http,
                http.get(f"{base_url}/health", allow_redirects=False) as response,
            ):
                await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError):
            return None
        return (clock.now_ns() - began_ns) / NS_PER_MS

    return probe


@dataclass(slots=True)
class _Database:
    """One way to a PostgreSQL server."""

    url: str = field(repr=False)
    clock: Clock
    connection: "asyncpg.Connection[asyncpg.Record] | None" = None

    async def probe(self) -> float | None:
        try:
            async with asyncio.timeout(LIMIT_S):
                if self.connection is None or self.connection.is_closed():
                    self.connection = await asyncpg.connect(self.url, timeout=LIMIT_S)
                began_ns = self.clock.now_ns()
                await self.connection.execute("SELECT 1")
                return (self.clock.now_ns() - began_ns) / NS_PER_MS
        except (TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await self.close()
            return None

    async def close(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            with suppress(
                Exception
            ):  # a connection over a broken link may fail in any way, and is gone all the same
                connection.terminate()
