"""A canary over HTTP: GETs of /health, one after the other on one new connection, byte by byte.

It reads what arrives on a socket of its own, because a client library hides what is to be seen here: how a connection
ended, how many bytes came before that, how long it took to close.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httptools

from harness.clock import Clock, within
from harness.faults.evidence import Ask, Canary, End, end_of
from harness.units import NS_PER_MS

READ = 65536


@dataclass(slots=True)
class _Replies:
    """What the parser tells."""

    done: int = 0
    out: int = 0
    into: int = 0
    closing_ms: float | None = None

    def on_message_complete(self) -> None:
        self.done += 1


@dataclass(frozen=True, slots=True)
class Http:
    """One way to a server."""

    base_url: str
    clock: Clock = field(repr=False)

    async def probe(self, ask: Ask) -> Canary:
        """Never raises: whatever happens is the result."""
        began_ns = self.clock.now_ns()
        seen = _Replies()
        try:
            async with within(ask.limit_s):
                done_ns = await self._exchange(ask, seen)
        except (OSError, EOFError, httptools.HttpParserError) as error:
            return self._canary(end_of(error), began_ns, self.clock.now_ns(), seen)
        return self._canary("replied", began_ns, done_ns, seen)

    def _canary(self, end: End, began_ns: int, ended_ns: int, seen: _Replies) -> Canary:
        return Canary(end, (ended_ns - began_ns) / NS_PER_MS, seen.out, seen.into, seen.closing_ms)

    async def _exchange(self, ask: Ask, seen: _Replies) -> int:
        """When the last reply was complete."""
        where = urlsplit(self.base_url)
        reader, writer = await asyncio.open_connection(where.hostname, where.port or 80)
        try:
            parser = httptools.HttpResponseParser(seen)
            for number in range(1, ask.requests + 1):
                last = number == ask.requests
                request = _request(where.netloc.rpartition("@")[2], ask, close=last and ask.until_closed)
                writer.write(request)
                seen.out += len(request)
                while seen.done < number:
                    data = await reader.read(READ)
                    if not data:
                        raise EOFError
                    seen.into += len(data)
                    parser.feed_data(data)
            done_ns = self.clock.now_ns()
            if ask.until_closed:
                while await reader.read(READ):
                    pass
                seen.closing_ms = (self.clock.now_ns() - done_ns) / NS_PER_MS
            return done_ns
        finally:
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()


def _request(host: str, ask: Ask, *, close: bool) -> bytes:
    lines = ["GET /health HTTP/1.1", f"Host: {host}", "User-Agent: mcp-harness-canary", "Accept: */*"]
    lines += [f"X-Padding: {'x' * ask.padding}"] if ask.padding else []
    lines += ["Connection: close"] if close else []
    return "\r\n".join([*lines, "", ""]).encode("ascii")
