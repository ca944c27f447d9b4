"""One HTTP/1.1 connection of a session: exchanges, one after the other, or one stream for as long as it lasts.

It costs little while nothing happens on it, so that one process can hold ten thousand of them: no task waits, and no
timer runs. It goes by the route that is in force (certificates, proxy), as everything else does.

An exchange on a connection that was used before, and that the server has closed meanwhile, is made once more on another one.
"""

import asyncio
import errno
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Final

import httptools

from harness.client import connecting
from harness.conduct.capacity.held_connection import encoded
from harness.foundation.addresses import connect_errors, route, unix_socket
from harness.foundation.addresses.route import Tls
from harness.load.inside.transport.incoming import NOBODY, Incoming
from harness.mcp import outcome
from harness.mcp.exchange import Exchange
from harness.mcp.messages import Reply, Request
from harness.mcp.stream import Stream

# What this machine had no room for: the harness's own limit, and no fault of the server's.
OURS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM})
STALE: Final = frozenset({outcome.DISCONNECTED, outcome.RESET})
DRAIN_S: Final = 0.5
Receiver = Exchange | Stream


@lru_cache(maxsize=4)
def _context(tls: Tls) -> ssl.SSLContext:
    """One for all connections: to read the authorities takes a tenth of a second."""
    return tls.context()


class OpenConnection(asyncio.Protocol):
    """A connection that is made when it is first needed."""

    __slots__ = ("_headers", "_incoming", "_news", "_receiver", "_used", "_writer", "how", "stream", "url")

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self.url = url
        self._headers = headers  # read for each request: a token among them may be renewed
        self._writer: asyncio.StreamWriter | None = None
        self._incoming = Incoming()
        self._receiver: Receiver | None = None
        self._news: asyncio.Future[None] | None = None
        self._used = False
        self.stream: Stream | None = None
        self.how = ""  # FIN or RST, when the server has ended it

    @property
    def is_open(self) -> bool:
        return self._writer is not None

    async def exchange(self, request: Request, timeout_s: float) -> Reply:
        """Send a request and return its outcome."""
        reused = self.is_open and self._used
        reply = await self._exchanged(request, timeout_s)
        if reused and reply.outcome in STALE:
            reply = await self._exchanged(request, timeout_s)
        return reply

    async def open_stream(self, request: Request, timeout_s: float) -> Reply:
        """Open a stream; OK when the server has begun it, and has acknowledged a subscription."""
        stream = self.stream = Stream(self.url, self._wake, names_session=request.names_session)
        stream.expect(request.id)

        def decided() -> bool:
            accepted = stream.opened and (request.id is None or stream.acknowledged)
            return accepted or stream.ended is not None or stream.reply is not None or self._incoming.complete

        failed = await self._until(decided, request, stream, timeout_s)
        if failed is None and stream.reply is None and stream.opened:
            return Reply(outcome.OK, status=200)
        self.close()
        return failed or stream.reply or stream.end()

    def close(self) -> None:
        """Close it, without a word to the server."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        self._incoming.let_go()
        self._receiver = None

    async def _exchanged(self, request: Request, timeout_s: float) -> Reply:
        exchange = Exchange(request)
        failed = await self._until(
            lambda: exchange.done or self._incoming.complete, request, exchange, timeout_s
        )
        if failed is None:
            await self._drained()
        self._used, self._receiver = True, None
        self._incoming.done()
        if failed is not None or not self._incoming.keep_alive:
            self.close()
        return failed or exchange.reply or exchange.end()

    async def _until(
        self, done: Callable[[], bool], request: Request, receiver: Receiver, timeout_s: float
    ) -> Reply | None:
        """Send the request, and wait until it is done; return why it failed, if it did."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._send(request, receiver)
                while not done() and self.is_open:
                    self._news = asyncio.get_running_loop().create_future()
                    await self._news
        except TimeoutError:
            return receiver.fail(outcome.TIMEOUT, f"no answer in {timeout_s:g} s")
        except (OSError, ValueError) as error:
            kind = outcome.NOT_HELD if getattr(error, "errno", None) in OURS else outcome.CONNECT
            return receiver.fail(kind, connect_errors.said(error))
        return None

    async def _drained(self) -> None:
        """Wait a little for the end of a reply that is known, so that the connection can be used again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                while self.is_open and not self._incoming.complete:
                    self._news = asyncio.get_running_loop().create_future()
                    await self._news

    async def _send(self, request: Request, receiver: Receiver) -> None:
        if self._writer is None:
            self._incoming, self._used, self.how = Incoming(), False, ""
            secure = _context(route.current().tls) if self.url.startswith("https:") else None
            _, writer = await connecting.connection(self.url, secure)
            writer.transport.set_protocol(self)
            self._writer = writer  # kept: it closes the transport when it goes
        self._receiver = receiver
        self._incoming.begin(receiver)
        self._writer.transport.write(encoded(unix_socket.plain(self.url), self._headers, request))

    def data_received(self, data: bytes) -> None:
        """Take bytes; what nobody has asked for is passed over."""
        if self._receiver is None:
            return
        try:
            self._incoming.feed(data)
        except httptools.HttpParserError as error:
            self._receiver.fail(outcome.HTTP_PROTOCOL, str(error))
            self.close()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end: the server's, or one of our own making."""
        receiver, is_ours = self._receiver, self._writer is None
        self._writer = None
        if not is_ours:
            self.how = "RST" if isinstance(exc, ConnectionError) else "FIN"
        if receiver is not None and not is_ours:
            self._end(receiver, exc)
        self._incoming.exchange = NOBODY
        self._wake()

    def _end(self, receiver: Receiver, exc: Exception | None) -> None:
        if not receiver.got_head:
            kind = outcome.RESET if isinstance(exc, ConnectionError) else outcome.DISCONNECTED
            receiver.fail(kind, "closed before any reply")
        elif exc is not None or self._incoming.framed:
            receiver.fail(outcome.TRUNCATED, "closed in the middle of a reply")
        else:
            receiver.end(closed=True)

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
