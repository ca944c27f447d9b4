"""One user's HTTP connection, on a gevent socket: it sends requests, and returns outcomes with their times.

- Head and body leave in one send. Latency stops at the response; the rest of a stream is drained, for a
  quarter of a second and a megabyte at most, so that the connection can be used again; else it is closed.
- It keeps no data of an exchange that is over, nor of a connection that was closed.
- A connection that the server closed while it was idle is noticed before it is used (a peek that costs a
    microsecond), and replaced. A failure on a connection that was used before is marked `reused`.
  - With `carries`, we close a connection after that many exchanges, each after its whole reply is read and
    its latency taken. The next exchange opens another, which counts in its time. Sessions go by id, and
    outlive the connection.
  - Nothing is retried and no redirect is followed: each exchange is one attempt, with one outcome. Only a
    stream that the server closed so that the client polls again is requested again (see `resuming`).
- The deadline of a call covers looking up the name, connecting, TLS, sending and the reply (see `deadlines`).
- Requests of the server in mid-stream (a ping) are answered on a second connection. In a session a time-out
  is reported to the server on one as well: else it would work on, and that would skew the next measurements.
- Headers are bounded, and so is everything else that is not body (64 KB between two pieces of body).
"""

import functools
import os
import select
import socket
import time
from typing import Any

import gevent
import gevent.socket
import gevent.ssl
import httptools
import msgspec
from gevent.monkey import get_original

from harness.foundation.addresses import connect_errors
from harness.load.inside.transport.connecting import Endpoint, connect
from harness.load.inside.transport.deadlines import Deadlines, shut
from harness.load.inside.transport.incoming import Incoming
from harness.load.inside.transport.kernel_stamps import TimestampedSocket
from harness.load.inside.transport.measured_exchange import Begun, Exchanged
from harness.load.inside.transport.request_heads import RequestHeads
from harness.load.inside.transport.response_heads import KnownHeads
from harness.load.inside.transport.resuming import resume
from harness.load.inside.transport.slow_socket import SlowSocket
from harness.load.inside.transport.sockets import (
    Bare,
    arrived_ns,
    bare_of,
    known,
    receive,
    receive_first,
    send,
)
from harness.load.retry import retry_after_s
from harness.mcp import outcome
from harness.mcp.dialects.handshake import answering
from harness.mcp.exchange import RESUMPTIONS_MAX, Exchange
from harness.mcp.messages import NO_ANSWERS, Answers, Headers, Reply, Request, answer, cancellation
from harness.mcp.versions import HTTP2_ONLY, is_http2
from harness.run_directory.schema import NULL

# gevent's own poll would switch to its hub, although the answer is there at once.
_poll = get_original("select", "poll")

DRAIN_NS, DRAIN_BYTES_MAX = 250_000_000, 1_000_000
OPEN_ENDED = frozenset({outcome.TIMEOUT, outcome.STREAM_ENDED})  # to be cancelled, or resumed
MAY_SAY_WHEN = frozenset({outcome.RATE_LIMITED, outcome.HTTP_STATUS})  # to come back: Retry-After
KNOWN = KnownHeads()  # shared by all connections: the same bytes mean the same


class HttpConnection:
    """A keep-alive connection to one origin, for one user; not shared between greenlets."""

    def __init__(
        self, url: str, deadlines: Deadlines, timeout_s: float, headers: Headers = (), *, carries: int = 0
    ) -> None:
        self._place = place = Endpoint.of(url)
        self._again = functools.partial(HttpConnection, url, deadlines, timeout_s, headers, carries=carries)
        self._preambles = RequestHeads(place, headers)
        self._deadlines = deadlines
        self._timeout_ns = int(timeout_s * 1e9)
        self._socket: gevent.socket.socket | None = None
        self._bare: Bare | None = None  # the same, without gevent's layer; under TLS there is only one
        self._incoming = Incoming()  # and how to tell that an idle socket has ended: of this socket
        self._idle = _poll()
        self._beside: HttpConnection | None = None  # for answers to the server's requests in mid-stream
        self._carries = carries  # exchanges until it is closed; 0: no limit
        self._carried = 0  # exchanges on this socket, with the current one
        self.reads_bytes_per_s = 0.0  # 0: as fast as it can
        self.answers: Answers = NO_ANSWERS  # to the server's requests in mid-stream
        self.deadline_ns = 0
        self.expired = False
        self._drained_ns = (0, 0)  # when the last two replies that needed draining were drained
        self._line: Any = None  # of the fast lane, while this socket is on it
        self._off_lane = False  # this socket stays off it

    def exchange(
        self,
        request: Request,
        *,
        target: str = "",
        deadline_ns: int = 0,
        resumed: int = 0,
        begun: Begun | None = None,
    ) -> Exchanged:
        """Make one attempt; `target` is another path on the same server, `begun` what the fast lane has done of it."""
        exchange = Exchange(request)
        data = b"%b%d\r\n\r\n%b" % (self.head(request, target), len(request.body), request.body)
        sent_ns = time.monotonic_ns() if begun is None else begun.sent_ns
        self.expired = self.expired and begun is not None
        self.deadline_ns = deadline_ns or sent_ns + self._timeout_ns
        first_byte_ns, bytes_in, reused, held_ns, out = NULL, 0, False, NULL, begun.went_out if begun else 0
        try:
            reused, sock, bare = self._ready() if begun is None else self._at_hand(begun)
            incoming = self._incoming
            incoming.begin(exchange)
            if out < len(data):
                self._send(sock, bare, data[out:])
                out = len(data)
            chunk = _first_chunk(sock, bare, begun)
            while chunk:
                read_ns = time.monotonic_ns()
                bytes_in += len(chunk)
                if first_byte_ns == NULL:
                    first_byte_ns = arrived_ns(bare, read_ns, sent_ns)
                    _feed_first(incoming, request, chunk)
                else:
                    incoming.feed(chunk)
                if exchange.reply is not None:
                    break
                if exchange.asked:
                    self._answer(request, exchange)
                chunk = receive(sock, bare)
            else:
                self._cut_short(exchange, incoming, answered=first_byte_ns != NULL)
            known_ns = time.monotonic_ns()
            done_ns, held_ns = known(bare, read_ns, known_ns, first_byte_ns) if chunk else (known_ns, NULL)
            self._drain(incoming, known_ns)
        except httptools.HttpParserError as error:
            done_ns = time.monotonic_ns()
            exchange.fail(outcome.HTTP_PROTOCOL, HTTP2_ONLY if is_http2(chunk) else str(error))
            self.close()
        except OSError as error:
            done_ns = time.monotonic_ns()
            self._failed(exchange, error, connected=self._socket is not None, answered=first_byte_ns != NULL)
        except BaseException:  # the user is being stopped in mid-call
            self.close()
            raise
        finally:
            self.deadline_ns = 0
        reply = _with_when(exchange.reply, self._incoming)
        done = Exchanged(reply, sent_ns, first_byte_ns, done_ns, out, bytes_in, reused, held_ns)
        if reply.outcome not in OPEN_ENDED:
            return done
        until_ns = deadline_ns or sent_ns + self._timeout_ns
        return self._afterwards(request, exchange, done, target, until_ns, resumed)

    def head(self, request: Request, target: str = "") -> bytes:
        """Return the head of a request, up to where its length goes."""
        return self._preambles.of(request, target or self._place.target)

    def line(self, lane: Any) -> Any:
        """Return this connection's line on the fast lane; None when its socket is not open, or not of the usual kind."""
        if self._line is None and self._socket is not None and not self._off_lane:
            usual = isinstance(self._bare, TimestampedSocket) and not (self._carries or self._place.secure)
            self._line = lane.join(self._socket.fileno(), self._timeout_ns, self) if usual else None
            self._off_lane = not usual
        return self._line

    def leave_lane(self, *, for_good: bool = True) -> None:
        """Leave the fast lane; with `for_good` this socket does not come back."""
        self._off_lane = for_good
        if self._line is not None:
            self._line.leave()
            self._line = None

    def free_ns(self, done_ns: int) -> int:
        """Return since when the exchange that was done at `done_ns` could have used this connection.

        0: always.
        """
        before_ns, last_ns = self._drained_ns
        return last_ns if last_ns <= done_ns else before_ns

    def close(self) -> None:
        """Close the connection; idempotent."""
        self._deadlines.forget(self)
        self.leave_lane(for_good=False)
        if self._socket is not None:
            self._socket.close()
            self._socket = self._bare = None
            self._incoming.let_go()
        if self._beside is not None:
            self._beside.close()

    def shut(self) -> None:
        """Shut the socket down; the sweep calls this to wake us."""
        shut(self._socket)

    def _ready(self) -> tuple[bool, gevent.socket.socket, Bare]:
        """Return a connection, and whether it was used before."""
        if self._socket is not None and self._idle.poll(0):  # an end of file where nothing is due, or worse
            self.leave_lane(for_good=False)
            self._socket.close()
            self._socket = None
            self._incoming.let_go()
        if self._socket is not None and self._bare is not None:
            self._carried += 1
            return True, self._socket, self._bare
        self._socket = connect(self._place, self.deadline_ns)
        if self.reads_bytes_per_s:
            self._bare = SlowSocket(self._socket, self.reads_bytes_per_s)
        else:
            self._bare = bare_of(self._socket, secure=self._place.secure)
        self._deadlines.watch(self)
        self._carried = 1
        self._incoming = Incoming()
        self._idle = _poll()
        self._idle.register(self._socket.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
        return False, self._socket, self._bare

    def _at_hand(self, begun: Begun) -> tuple[bool, gevent.socket.socket, Bare]:
        """Return the connection on which an exchange was begun; raise the error that it met."""
        if begun.error:
            raise OSError(begun.error, os.strerror(begun.error))
        assert self._socket is not None
        assert self._bare is not None
        self._carried += 1
        return True, self._socket, self._bare

    def _send(self, sock: gevent.socket.socket, bare: Bare, data: bytes) -> None:
        """Send all data, nearly always in one system call.

        Stop without an error if an early refusal (413) can be read.
        """
        try:
            send(sock, bare, data)
        except (BrokenPipeError, ConnectionResetError):
            # A TLS socket cannot peek: it would raise ValueError, which would end the user.
            if self._place.secure or not sock.recv(1, socket.MSG_PEEK):
                raise

    def _afterwards(
        self,
        request: Request,
        exchange: Exchange,
        done: Exchanged,
        target: str,
        until_ns: int,
        resumed: int,
    ) -> Exchanged:
        """Cancel a call that has timed out, or request the rest of a stream that the server closed."""
        if done.reply.outcome == outcome.TIMEOUT and request.in_session and request.id is not None:
            gevent.spawn(self._give_up, request.id, answering(request.headers))
        rest = exchange.resumption() if resumed < RESUMPTIONS_MAX else None
        if rest is None:
            return done
        return resume(self, rest, exchange.retry_s, done, target, until_ns, resumed)

    def _answer(self, request: Request, exchange: Exchange) -> None:
        """Answer the server's requests; it may wait for that before it sends its response."""
        asked, exchange.asked = exchange.asked, []
        if exchange.done or not request.in_session:
            return
        if self._beside is None:
            self._beside = self._again()
        for message in asked:
            if self.expired:
                return
            given = answer(message, self.answers)  # may think first
            reply = Request("answer", given, answering(request.headers), None)
            self._beside.exchange(reply, deadline_ns=self.deadline_ns)

    def _give_up(self, number: int, headers: Headers) -> None:
        """Tell the server that a call is cancelled; the result does not matter."""
        connection = self._again()
        try:
            connection.exchange(Request("notifications/cancelled", cancellation(number), headers, None))
        finally:
            connection.close()

    def _cut_short(self, exchange: Exchange, incoming: Incoming, *, answered: bool) -> None:
        """Record that the connection ended before the response."""
        self.close()
        if self.expired:
            exchange.fail(outcome.TIMEOUT, "no answer in time")
        elif not answered:
            exchange.fail(outcome.DISCONNECTED, "closed before any reply")
        elif not exchange.got_head or incoming.framed:
            exchange.fail(outcome.TRUNCATED, "closed in the middle of a reply")
        else:
            exchange.end(closed=True)

    def _failed(self, exchange: Exchange, error: OSError, *, connected: bool, answered: bool) -> None:
        self.close()
        text = connect_errors.said(error)
        if self.expired or isinstance(error, TimeoutError):
            exchange.fail(outcome.TIMEOUT, "no answer in time")
        elif not connected:
            exchange.fail(outcome.CONNECT, text)
        elif answered:
            exchange.fail(outcome.TRUNCATED, text)
        elif isinstance(error, ConnectionResetError | BrokenPipeError):
            exchange.fail(outcome.RESET, text)
        else:
            exchange.fail(outcome.DISCONNECTED, text)

    def _drain(self, incoming: Incoming, done_ns: int) -> None:
        """Read what follows the response, or give the connection up."""
        if self._socket is None or self._bare is None:
            return
        if not incoming.complete:
            self.deadline_ns = done_ns + DRAIN_NS
            _read_rest(self._socket, self._bare, incoming)
            self._drained_ns = (self._drained_ns[1], time.monotonic_ns())
        reply = incoming.exchange.reply
        strayed = reply is not None and reply.outcome == outcome.ID_MISMATCH  # ours may be still to come
        if strayed or not (incoming.complete and incoming.keep_alive) or self._carried == self._carries:
            self.close()
        else:
            incoming.done()


def _first_chunk(sock: gevent.socket.socket, bare: Bare, begun: Begun | None) -> bytes:
    """Return the first bytes of the reply, which the fast lane may have read."""
    if begun is None or begun.chunk is None:
        return receive_first(sock, bare)
    assert isinstance(bare, TimestampedSocket)
    if begun.held_ns is not None:
        bare.held_ns = begun.held_ns + time.monotonic_ns() - begun.read_ns
    bare.tells = begun.held_ns is not None
    return begun.chunk


def _with_when(reply: Reply | None, incoming: Incoming) -> Reply:
    """Return the reply with the seconds of its Retry-After, if it is a refusal that has one."""
    assert reply is not None
    if reply.outcome not in MAY_SAY_WHEN or (after_s := retry_after_s(incoming.retry_after)) is None:
        return reply
    return msgspec.structs.replace(reply, retry_after_s=after_s)


def _read_rest(sock: gevent.socket.socket, bare: Bare, incoming: Incoming) -> None:
    """Read to the end of the response.

    Leave it incomplete if the sweep, or the limit of bytes, comes first.
    """
    left = DRAIN_BYTES_MAX
    try:
        while not incoming.complete and left > 0:
            chunk = receive(sock, bare)
            if not chunk:
                return
            left -= len(chunk)
            incoming.feed(chunk)
    except (OSError, httptools.HttpParserError):
        return


def _feed_first(incoming: Incoming, request: Request, chunk: bytes) -> None:
    """Parse the first bytes of a response: nearly always all of it, with a head that is known."""
    exchange = incoming.exchange
    exchange.reply = KNOWN.judge(request, chunk)
    if exchange.reply is not None:
        incoming.complete = incoming.keep_alive = True
        return
    incoming.feed(chunk)
    if incoming.complete:
        KNOWN.learn(chunk)
