"""Canaries to a server of which only that is known: it listens.

If somebody said what to send (`send`), the server's answer to that is a round trip, and its length is learned before the run
(`learned`): a canary sends it, and waits for as many bytes. Where nothing is known, a canary through the link is a knock: it sends bytes and
the end of the connection. Toxiproxy passes both on, and then ends the connection. That shows what a link does to new connections and to data
upstream; what it does to data downstream nobody can see.
"""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from harness.faults.canary import farside
from harness.faults.canary.conversation import CountedConnection, until_closed
from harness.faults.canary.evidence import Ask, Canary, Knock, end_of
from harness.faults.canary.farside import ConnectionWatch
from harness.foundation.addresses import resolved
from harness.foundation.clock import Clock, within
from harness.foundation.units import NS_PER_MS

EARLY_S: Final = 0.03  # a link that ends the connection sooner, unasked, has nothing behind it
QUIET_S: Final = 0.3  # an answer is over when nothing more came for so long
ANSWER_S: Final = 5.0
READ: Final = 65_536
ANSWER_BYTES_MOST: Final = 1_000_000
OWN_LENGTHS: Final = 200  # so that the far side of a canary can be told from others


@dataclass(frozen=True, slots=True)
class TcpTalk:
    """What a canary says, and how many bytes the server answers."""

    send: bytes
    answer_bytes: int
    greeting_bytes: int = 0  # that the server sends unasked
    port: int = 0

    async def greet(self, wire: CountedConnection, where: SplitResult) -> None:
        del where
        await wire.hear(self.greeting_bytes)

    async def exchange(self, wire: CountedConnection, out: int, into: int) -> None:
        times = max(1, -(-out // len(self.send)), -(-into // self.answer_bytes))
        await wire.say(self.send * times)
        await wire.hear(self.answer_bytes * times)

    async def leave(self, wire: CountedConnection) -> None:
        wire.writer.write_eof()
        await until_closed(wire)


async def learned(url: str, send: str) -> TcpTalk:
    """Ask the server once, and keep how long its answer is; ValueError if there is none, OSError if it cannot be reached."""
    where, request = urlsplit(url), send.encode()
    async with within(ANSWER_S):
        reader, writer = await resolved.connection(where.hostname or "", where.port or 0)
        try:
            greeting = await _until_quiet(reader)
            writer.write(request)
            first = await reader.read(READ)
            answer = len(first) + (await _until_quiet(reader) if first else 0)
        finally:
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
    if not answer:
        raise ValueError("it closed the connection")
    return TcpTalk(request, answer, greeting)


async def _until_quiet(reader: asyncio.StreamReader) -> int:
    count = 0
    with suppress(TimeoutError):
        while count < ANSWER_BYTES_MOST:
            async with within(QUIET_S):
                piece = await reader.read(READ)
            if not piece:
                break
            count += len(piece)
    return count


@dataclass(frozen=True, slots=True)
class TcpKnock:
    """Canaries that need no answer, by one way: through the link (with the server's port behind it, `upstream`), or beside it."""

    url: str
    clock: Clock
    upstream: int | None = None

    async def probe(self, ask: Ask) -> Canary:
        """Send one canary. Never raises: every error is a result.

        On a new connection (`fresh`) it does not send the end: nothing comes back unless the link ends the connection.
        """
        size = max(1, ask.padding * ask.requests) + secrets.randbelow(OWN_LENGTHS)
        others = farside.there(self.upstream, self.clock)
        began_ns = self.clock.now_ns()
        watch: ConnectionWatch | None = None
        try:
            async with within(ask.limit_s):
                reader, writer = await self._connected()
                near = writer.get_extra_info("socket")
                async with farside.watching(self.upstream, near, others, self.clock) as watch:
                    early, lasted_ms = await self._sent(reader, writer, size, ends=not ask.fresh)
        except OSError as error:
            lasted_ms, seen = self._since_ms(began_ns), watch.seen() if watch else None
            accepted = not isinstance(error, ConnectionRefusedError)
            return Canary(end_of(error), lasted_ms, size, accepted=accepted, far=seen, why=str(error))
        ended = early or (ask.fresh and self.upstream is not None)
        return Canary("closed" if ended else "replied", lasted_ms, size, closing_ms=lasted_ms)

    async def knock(self, size: int, limit_s: float) -> Knock:
        """Test the link alone; `size` bytes go upstream."""
        began_ns = self.clock.now_ns()
        try:
            async with within(limit_s):
                early, lasted_ms = await self._sent(*await self._connected(), size, ends=True)
        except OSError as error:
            return Knock(end_of(error), self._since_ms(began_ns))
        return Knock("closed", lasted_ms, early)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        where = urlsplit(self.url)
        return await resolved.connection(where.hostname or "", where.port or 0)

    async def _sent(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, size: int, *, ends: bool
    ) -> tuple[bool, float]:
        """Return whether the connection ended unasked, and how long after our data it ended; beside the link nothing is sent."""
        try:
            with suppress(TimeoutError):
                async with within(EARLY_S):
                    while await reader.read(READ):
                        pass
                return True, 0.0
            began_ns = self.clock.now_ns()
            if self.upstream is None and ends:
                return False, 0.0
            if self.upstream is not None:
                writer.write(b"x" * size)
                if ends:
                    writer.write_eof()
            while await reader.read(READ):
                pass
            return False, self._since_ms(began_ns)
        finally:
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    def _since_ms(self, began_ns: int) -> float:
        return (self.clock.now_ns() - began_ns) / NS_PER_MS
