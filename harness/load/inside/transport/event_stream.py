"""A stream that stays open, read by its own greenlet; `harness.mcp.stream` interprets the events.

The same greenlet answers the server's requests on another connection, since the server waits for the answers.
"""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

import gevent
import gevent.event
import gevent.socket
import httptools

from harness.load.inside.transport.connecting import Endpoint, connect
from harness.load.inside.transport.deadlines import Deadlines, shut
from harness.load.inside.transport.http_connection import HttpConnection
from harness.load.inside.transport.incoming import Incoming
from harness.load.inside.transport.request_heads import RequestHeads
from harness.load.inside.transport.sockets import Bare, arrived_ns, bare_of, receive
from harness.mcp import outcome
from harness.mcp.dialects.handshake import answering
from harness.mcp.messages import NO_ANSWERS, Answers, Headers, Request, answer
from harness.mcp.stream import Stream
from harness.mcp.versions import HTTP2_ONLY, is_http2


class EventStream:
    """One stream, from its GET to its end."""

    def __init__(
        self,
        url: str,
        deadlines: Deadlines,
        timeout_s: float,
        headers: Headers,
        *,
        names_session: bool = False,
        answers: Answers = NO_ANSWERS,
    ) -> None:
        self._given = answers
        self._place = Endpoint.of(url)
        self._preambles = RequestHeads(self._place, headers)
        self._told = (url, deadlines, timeout_s, headers)
        self._answers: HttpConnection | None = None  # most servers never ask
        self._socket: gevent.socket.socket | None = None
        self._reader: gevent.Greenlet | None = None
        self._news = gevent.event.Event()
        self.stream = Stream(url, self._on_news, names_session=names_session)
        self.bytes_in = 0
        self._received_ns = 0
        self.began_ns = 0  # when the bytes came that completed the reply to the current call
        self.replied_ns = 0  # when that reply was parsed
        self.tells = False  # whether the kernel gave its time stamp

    @property
    def is_open(self) -> bool:
        return self._socket is not None and self.stream.ended is None

    def open(self, request: Request, deadline_ns: int) -> int:
        """Send the request (a GET, or a POST with its body) and begin to read; return its size in bytes.

        Raise OSError when there is no connection.
        """
        head = self._preambles.of(request, self._place.target)
        data = b"%b%d\r\n\r\n%b" % (head, len(request.body), request.body)
        self._socket = connect(self._place, deadline_ns)
        self._socket.sendall(data)
        bare = bare_of(self._socket, secure=self._place.secure)
        self._reader = gevent.spawn(self._read, self._socket, bare, request)
        return len(data)

    def expect(self, number: int | None) -> None:
        """Note that the call with this id begins."""
        self.began_ns = self.replied_ns = 0
        self.stream.expect(number)

    def wait(self, done: Callable[[], object]) -> None:
        """Wait until `done()`, or the end of the stream; the caller's deadline shuts it."""
        while not done() and self.stream.ended is None:
            self._news.clear()
            self._news.wait()

    def shut(self) -> None:
        """Shut the stream down, and wake the greenlet that waits."""
        shut(self._socket)
        self._news.set()

    def close(self) -> None:
        """Close the stream; idempotent."""
        self.stream.taken()
        if self._reader is not None and self._reader is not gevent.getcurrent():
            self._reader.kill(block=False)
            self._reader = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._answers is not None:
            self._answers.close()

    def _on_news(self) -> None:
        if self.stream.reply is not None and not self.replied_ns:
            self.began_ns, self.replied_ns = self._received_ns, time.monotonic_ns()
        self._news.set()

    def _read(self, sock: gevent.socket.socket, bare: Bare, request: Request) -> None:
        incoming, stream = Incoming(), self.stream
        incoming.begin(stream)
        try:
            while stream.ended is None and self._socket is sock:  # it may be closed between two reads
                chunk = receive(sock, bare)
                if not chunk:
                    self._cut_short(incoming)
                    return
                self._received_ns = arrived_ns(bare, time.monotonic_ns(), self._received_ns)
                self.tells = bare.tells
                self.bytes_in += len(chunk)
                incoming.feed(chunk)
                self._answer(request)
        except httptools.HttpParserError as error:
            stream.fail(outcome.HTTP_PROTOCOL, HTTP2_ONLY if is_http2(chunk) else str(error))
        except OSError as error:
            failed = outcome.TRUNCATED if stream.got_head else outcome.RESET
            stream.fail(failed, error.strerror or str(error))
        finally:
            incoming.let_go()
            stream.let_go()

    def _cut_short(self, incoming: Incoming) -> None:
        """Note that the connection ended before the stream did."""
        if not self.bytes_in:
            self.stream.fail(outcome.DISCONNECTED, "closed before any reply")
        elif not self.stream.got_head or incoming.framed:
            self.stream.fail(outcome.TRUNCATED, "closed in the middle of a stream")
        else:
            self.stream.end(closed=True)

    def _answer(self, request: Request) -> None:
        asked, self.stream.asked = self.stream.asked, []
        headers = answering(request.headers)
        if asked and self._answers is None:
            self._answers = HttpConnection(*self._told)
        for message in asked:
            assert self._answers is not None
            reply = Request("answer", answer(message, self._given), headers, None)
            self._answers.exchange(reply, target=target_of(self.stream.endpoint))


def target_of(url: str | None) -> str:
    """Return the request target of a URL on the same server; "" (the connection's own) for None."""
    if url is None:
        return ""
    return Endpoint.of(url).target if urlsplit(url).path else "/"
