"""Canaries: one small exchange of our own, through a link or beside it, timed.

- client link and the target itself: GETs of /health over TCP; any answer is an answer, 404 too
- database link and PostgreSQL itself: one statement, a round trip, on a connection that stays open
- queue and sessions links: RabbitMQ asked for a message of an empty queue, Redis for a PONG, on connections that stay open

Their calls are not samples: nothing of them is in the numbers of the run.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

from harness.canary.amqp import AmqpTalk
from harness.canary.conversation import Conversation
from harness.canary.http import Http
from harness.canary.postgres import Postgres
from harness.canary.redis import RedisTalk
from harness.clock import Clock
from harness.faults.evidence import PAIRS, SMALL, Ask, Canary, Pair

Probe = Callable[[Ask], Awaitable[Canary]]


class Keeping(Protocol):
    """A canary that keeps its connection."""

    async def probe(self, ask: Ask) -> Canary: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class TwoWays:
    """Canaries of one link; of a process both ways are the same."""

    through: Probe
    beside: Probe

    async def pairs(self, count: int = PAIRS, ask: Ask = SMALL) -> list[Pair]:
        """Taken in turn, so that both sides see the same server."""
        return [Pair(beside=await self.beside(ask), through=await self.through(ask)) for _ in range(count)]


# How a server is spoken to, by the scheme of its URL; any other speaks HTTP.
_SPOKEN: Final[dict[str, Callable[[str, Clock], Keeping]]] = {
    "postgres": Postgres,
    "postgresql": Postgres,
    "redis": lambda url, clock: Conversation(url, RedisTalk(), clock),
    "amqp": lambda url, clock: Conversation(url, AmqpTalk(), clock),
}


@asynccontextmanager
async def opened(through: str, beside: str, clock: Clock) -> AsyncIterator[TwoWays]:
    """Canaries for a server at two URLs (of HTTP, PostgreSQL, Redis, or RabbitMQ)."""
    spoken = _SPOKEN.get(urlsplit(beside).scheme)
    if spoken is None:
        yield TwoWays(Http(through, clock).probe, Http(beside, clock).probe)
        return
    async with AsyncExitStack() as stack:
        ways = [spoken(way, clock) for way in (through, beside)]
        for way in ways:
            stack.push_async_callback(way.close)
        yield TwoWays(ways[0].probe, ways[1].probe)
