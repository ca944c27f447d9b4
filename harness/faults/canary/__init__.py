"""Canaries: one small exchange of our own, through a link or beside it, timed.

- client link and the target itself: GETs of /health over TCP; any answer is an answer, 404 too
- database link and PostgreSQL itself: one statement, a round trip, on a connection that stays open
- queue and sessions links: RabbitMQ asked for a message of an empty queue, Redis for a PONG, on connections that stay open
- links of your own: the same by what is spoken there, one statement to MySQL, or for plain TCP what `canary.tcp` says

Both of a pair are sent at the same time, alternating which goes first, since a server may take one call at a
time. Canaries are not samples: they do not count in the numbers of the run.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final, Protocol
from urllib.parse import urlsplit

from harness.faults.canary.amqp import AmqpTalk
from harness.faults.canary.conversation import CanaryConnection
from harness.faults.canary.evidence import (
    LIMIT_S,
    PAIRS,
    PAIRS_MOST,
    SMALL,
    Ask,
    Canary,
    CanaryPair,
    Judge,
    Knock,
)
from harness.faults.canary.http import Http
from harness.faults.canary.mysql import MysqlTalk
from harness.faults.canary.postgres import Postgres
from harness.faults.canary.redis import RedisTalk
from harness.faults.canary.tcp import TcpKnock, TcpTalk
from harness.foundation.clock import Clock
from harness.foundation.units import NS_PER_S

Probe = Callable[[Ask], Awaitable[Canary]]
HTTP_PORT = 80
SOON_S = 3.0  # stop asking after this time once the decision is clear
NEXT_S = 0.1  # less than that is no time for another pair


class Keeping(Protocol):
    """A canary that keeps its connection."""

    async def probe(self, ask: Ask) -> Canary: ...

    async def close(self) -> None: ...


@dataclass(slots=True)
class LinkCanaries:
    """Canaries through and beside one link; for a process, both take the same path."""

    through: Probe
    beside: Probe
    clock: Clock
    knock: Callable[[int, float], Awaitable[Knock]] | None = None
    turn: int = 0

    async def pairs(self, count: int = PAIRS, ask: Ask = SMALL) -> list[CanaryPair]:
        """Send pairs one after the other; return them."""
        return [await self._pair(ask) for _ in range(count)]

    async def until(
        self, judge: Judge, within_s: float, ask: Ask = SMALL, least: int = PAIRS
    ) -> list[CanaryPair]:
        """Send pairs until `judge` decides, within that time.

        At least `least` of them, unless they take long.
        """
        began_ns, pairs = self.clock.now_ns(), list[CanaryPair]()
        while True:
            left_s = within_s - self._since_s(began_ns)
            pairs.append(await self._pair(replace(ask, limit_s=max(NEXT_S, min(ask.limit_s, left_s)))))
            took_s = self._since_s(began_ns)
            next_s = took_s + max(NEXT_S, took_s / len(pairs))
            clear = judge(pairs).word != "unknown"
            if clear and (len(pairs) >= least or next_s > SOON_S):
                return pairs
            if len(pairs) >= PAIRS_MOST or next_s > within_s:
                return pairs

    async def knocks(self, count: int, size: int = 1, limit_s: float = LIMIT_S) -> list[Knock]:
        return [await self.knock(size, limit_s) for _ in range(count)] if self.knock else []

    async def _pair(self, ask: Ask) -> CanaryPair:
        self.turn += 1
        if self.turn % 2:
            through, beside = await asyncio.gather(self.through(ask), self.beside(ask))
        else:
            beside, through = await asyncio.gather(self.beside(ask), self.through(ask))
        return CanaryPair(through=through, beside=beside)

    def _since_s(self, began_ns: int) -> float:
        return (self.clock.now_ns() - began_ns) / NS_PER_S


# The protocol to use by the scheme of the server's URL; any other scheme means HTTP.
_SPOKEN: Final[dict[str, Callable[[str, Clock], Keeping]]] = {
    "postgres": Postgres,
    "postgresql": Postgres,
    "redis": lambda url, clock: CanaryConnection(url, RedisTalk(), clock),
    "amqp": lambda url, clock: CanaryConnection(url, AmqpTalk(), clock),
    "mysql": lambda url, clock: CanaryConnection(url, MysqlTalk(), clock),
}


@asynccontextmanager
async def opened(through: str, beside: str, clock: Clock) -> AsyncIterator[LinkCanaries]:
    """Yield the canaries for a server at two URLs (HTTP, PostgreSQL, Redis, or RabbitMQ)."""
    spoken = _SPOKEN.get(urlsplit(beside).scheme)
    if spoken is None:
        upstream = None if through == beside else urlsplit(beside).port or HTTP_PORT
        ours = Http(through, clock, upstream)
        yield LinkCanaries(ours.probe, Http(beside, clock).probe, clock, ours.knock)
        return
    async with kept(spoken(through, clock), spoken(beside, clock), clock=clock) as canaries:
        yield canaries


@asynccontextmanager
async def kept(through: Keeping, beside: Keeping, *, clock: Clock) -> AsyncIterator[LinkCanaries]:
    """Yield the canaries of these two ways; their connections are closed afterwards."""
    async with AsyncExitStack() as stack:
        for way in (through, beside):
            stack.push_async_callback(way.close)
        yield LinkCanaries(through.probe, beside.probe, clock)


@asynccontextmanager
async def opened_tcp(
    through: str, beside: str, clock: Clock, talk: TcpTalk | None
) -> AsyncIterator[LinkCanaries]:
    """Yield the canaries for any TCP server: with what it answers to, or, where nothing is known, without."""
    if talk is not None:
        ways = [CanaryConnection(way, talk, clock) for way in (through, beside)]
        async with kept(*ways, clock=clock) as canaries:
            yield canaries
        return
    knocking = TcpKnock(through, clock, urlsplit(beside).port)
    yield LinkCanaries(knocking.probe, TcpKnock(beside, clock).probe, clock, knocking.knock)
