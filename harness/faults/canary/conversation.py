"""A canary that talks over one kept connection in a protocol such as that of Redis or of RabbitMQ.

The connection stays open, as the target's does, unless a fresh one is asked for; a broken one is opened again first,
which is not timed. The bytes are those of question and answer, without the greeting; for a canary without an
answer, all bytes of its connection.

No client library is used: it would reconnect by itself, send heartbeats and read early. A canary has to know
which bytes it timed, and that its connection is the one from before the fault.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from harness.faults.canary.evidence import Ask, Canary, end_of
from harness.foundation.addresses import resolved
from harness.foundation.clock import Clock, within
from harness.foundation.units import NS_PER_MS

EACH = 100  # bytes that a request stands for, each way


class UnexpectedError(Exception):
    """The server sent something other than the protocol demands."""


@dataclass(slots=True)
class CountedConnection:
    """A connection that counts its bytes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    out: int = 0
    into: int = 0

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        self.out += len(data)
        await self.writer.drain()

    async def hear(self, count: int) -> bytes:
        """Read exactly `count` bytes; raise EOFError if the connection ends first."""
        # In pieces, so that what came before the end is counted.
        heard = bytearray()
        while len(heard) < count:
            piece = await self.reader.read(count - len(heard))
            if not piece:
                raise EOFError
            self.into += len(piece)
            heard += piece
        return bytes(heard)

    async def hear_line(self) -> bytes:
        """Read to the end of a line."""
        line = b""
        while not line.endswith(b"\n"):
            line += await self.hear(1)
        return line


class CanaryProtocol(Protocol):
    """The client side of a protocol, as far as canaries need it."""

    @property
    def port(self) -> int:
        """The port of its servers, unless a URL names another."""
        ...

    async def greet(self, wire: CountedConnection, where: SplitResult) -> None:
        """Do the handshake on a new connection."""
        ...

    async def exchange(self, wire: CountedConnection, out: int, into: int) -> None:
        """Make one round trip that carries `out` extra bytes to the server, or `into` extra bytes back."""
        ...

    async def leave(self, wire: CountedConnection) -> None:
        """Ask the server to close the connection."""
        ...


@dataclass(slots=True)
class CanaryConnection:
    """A kept connection to a server, by one path: through the link or beside it."""

    url: str = field(repr=False)  # it may hold a password
    talk: CanaryProtocol
    clock: Clock
    kept: CountedConnection | None = None

    async def probe(self, ask: Ask) -> Canary:
        """Send one canary. Never raises: every error is a result."""
        began_ns = self.clock.now_ns()
        try:
            async with within(ask.limit_s):
                return await self._asked(ask)
        except (OSError, EOFError, UnexpectedError) as error:
            end, why = end_of(error), str(error)
        wire = self.kept
        await self.close()
        lasted_ms = (self.clock.now_ns() - began_ns) / NS_PER_MS
        return Canary(end, lasted_ms, wire.out if wire else 0, wire.into if wire else 0, why=why)

    async def _asked(self, ask: Ask) -> Canary:
        if ask.fresh:
            await self.close()
        if self.kept is None or self.kept.reader.at_eof():
            await self.close()
            where = urlsplit(self.url)
            self.kept = CountedConnection(
                *await resolved.connection(where.hostname or "", where.port or self.talk.port)
            )
            await self.talk.greet(self.kept, where)
        wire = self.kept
        out = ask.padding * ask.requests
        into = 0 if out or ask.requests == 1 else EACH * ask.requests
        began_ns = self.clock.now_ns()
        await self.talk.exchange(wire, out, into)
        done_ns = self.clock.now_ns()
        closing_ms = None
        if ask.until_closed:
            await self.talk.leave(wire)
            closing_ms = (self.clock.now_ns() - done_ns) / NS_PER_MS
            await self.close()
        return Canary("replied", (done_ns - began_ns) / NS_PER_MS, out or EACH, into or EACH, closing_ms)

    async def close(self) -> None:
        wire, self.kept = self.kept, None
        if wire is not None:
            wire.writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await wire.writer.wait_closed()


async def until_closed(wire: CountedConnection) -> None:
    """Wait until the server has closed or reset the connection."""
    with suppress(ConnectionResetError):
        while await wire.reader.read(65536):
            pass
