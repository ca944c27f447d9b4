"""A canary over HTTP: GETs of /health, one after the other on one new connection, byte by byte; any answer is an answer.

It reads from a socket of its own, because a client library hides what matters here: how a connection ended,
how many bytes and pieces came before that, how long it took to close. Through a link it also watches the
link's far side (`farside`), so that the server's own time is not mistaken for the link's.

A *knock* asks the server for nothing: a connection sends the beginning of a request, and its end. Toxiproxy
passes both on, and then ends the connection, even if the server has read nothing. So a knock shows what the
link does to data upstream, and to the end of a connection.
"""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

import httptools

from harness.faults.canary import farside, kernel
from harness.faults.canary.evidence import Ask, Canary, End, Knock, end_of
from harness.faults.canary.farside import ConnectionWatch
from harness.foundation.addresses import resolved
from harness.foundation.clock import Clock, within
from harness.foundation.units import NS_PER_MS

READ = 65536
EARLY_S = 0.03  # a link that ends the connection sooner, unasked, has nothing behind it
OWN_LENGTHS = (
    128  # first requests are longer by any even number up to twice that, beside a link by an odd one
)
REQUESTS_WATCHED = 50  # more would cost more time than is to be measured


@dataclass(slots=True)
class _Replies:
    """Counts what was sent and received; the parser calls it for each reply."""

    done: int = 0
    out: int = 0
    into: int = 0
    accepted: bool = False
    pieces: int = 0
    closing_ms: float | None = None
    watch: ConnectionWatch | None = None

    def on_message_complete(self) -> None:
        self.done += 1


@dataclass(frozen=True, slots=True)
class Http:
    """HTTP canaries to one URL; with `upstream`, the server's port behind a link, its far side is watched."""

    base_url: str
    clock: Clock = field(repr=False)
    upstream: int | None = None

    async def probe(self, ask: Ask) -> Canary:
        """Send one canary. Never raises: every error is a result."""
        began_ns = self.clock.now_ns()
        seen = _Replies()
        try:
            async with within(ask.limit_s):
                done_ns = await self._exchange(ask, seen)
        except (OSError, EOFError, httptools.HttpParserError) as error:
            return self._canary(end_of(error), began_ns, self.clock.now_ns(), seen)
        return self._canary("replied", began_ns, done_ns, seen)

    async def knock(self, size: int, limit_s: float) -> Knock:
        """Test the link alone; `size` bytes go upstream."""
        began_ns = self.clock.now_ns()
        try:
            async with within(limit_s):
                reader, writer = await self._connected(urlsplit(self.base_url))
                try:
                    with suppress(TimeoutError):
                        async with within(EARLY_S):
                            await reader.read(READ)
                        return Knock("closed", 0.0, early=True)
                    began_ns = self.clock.now_ns()
                    writer.write(b"GET /health HTTP/1.1\r\nX-Padding: ".ljust(size, b"x")[:size])
                    writer.write_eof()
                    while await reader.read(READ):
                        pass
                finally:
                    await _closed(writer)
        except OSError as error:
            return Knock(end_of(error), (self.clock.now_ns() - began_ns) / NS_PER_MS)
        return Knock("closed", (self.clock.now_ns() - began_ns) / NS_PER_MS)

    def _canary(self, end: End, began_ns: int, ended_ns: int, seen: _Replies) -> Canary:
        watch = seen.watch
        return Canary(
            end,
            (ended_ns - began_ns) / NS_PER_MS,
            seen.out,
            seen.into,
            seen.closing_ms,
            seen.accepted,
            seen.pieces,
            watch.total_ms if watch else None,
            watch.seen() if watch else None,
        )

    async def _connected(self, where: SplitResult) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await resolved.connection(where.hostname or "", where.port or 80)

    async def _exchange(self, ask: Ask, seen: _Replies) -> int:
        """Make the requests; return when the last reply was complete, in ns."""
        where = urlsplit(self.base_url)
        others = farside.there(self.upstream, self.clock)
        reader, writer = await self._connected(where)
        near = writer.get_extra_info("socket")
        try:
            async with farside.watching(self.upstream, near, others, self.clock) as seen.watch:
                done_ns = await self._talk(where, ask, seen, reader, writer)
            if ask.until_closed:
                while await reader.read(READ):
                    pass
                seen.closing_ms = (self.clock.now_ns() - done_ns) / NS_PER_MS
            return done_ns
        finally:
            with suppress(OSError):
                seen.pieces = kernel.own(near, 0).pieces_in
            await _closed(writer)

    async def _talk(
        self,
        where: SplitResult,
        ask: Ask,
        seen: _Replies,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> int:
        parser = httptools.HttpResponseParser(seen)
        done_ns = self.clock.now_ns()
        for number in range(1, ask.requests + 1):
            last = number == ask.requests
            own = 2 * secrets.randbelow(OWN_LENGTHS) + (self.upstream is None) if number == 1 else 0
            host = where.netloc.rpartition("@")[2]
            request = _request(host, ask, close=last and ask.until_closed, own=own)
            began_ns = self.clock.now_ns()
            writer.write(request)
            seen.out += len(request)
            seen.accepted = True
            while seen.done < number:
                data = await reader.read(READ)
                if not data:
                    raise EOFError
                seen.into += len(data)
                parser.feed_data(data)
            done_ns = self.clock.now_ns()
            if seen.watch and ask.requests <= REQUESTS_WATCHED:
                seen.watch.replied((done_ns - began_ns) / NS_PER_MS)
        return done_ns


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError, asyncio.CancelledError):
        await writer.wait_closed()


def _request(host: str, ask: Ask, *, close: bool, own: int) -> bytes:
    lines = ["GET /health HTTP/1.1", f"Host: {host}", "User-Agent: mcp-harness-canary", "Accept: */*"]
    lines += [f"X-Canary: {'x' * own}"] if own else []
    lines += [f"X-Padding: {'x' * ask.padding}"] if ask.padding else []
    lines += ["Connection: close"] if close else []
    return "\r\n".join([*lines, "", ""]).encode("ascii")
