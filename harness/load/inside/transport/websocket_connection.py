"""One user's WebSocket, on a gevent socket; `harness.mcp.frames` interprets the bytes.

The first exchange opens the connection, and so does the first one after it was closed; the time counts in
that exchange. Pings are answered while a reply is awaited. Nothing is retried.
"""

import time
from collections.abc import Callable

import gevent.socket

from harness.foundation.addresses import connect_errors, unix_socket
from harness.load.inside.transport import credential
from harness.load.inside.transport.connecting import Endpoint, connect
from harness.load.inside.transport.deadlines import Deadlines, shut
from harness.load.inside.transport.measured_exchange import Exchanged
from harness.load.inside.transport.sockets import Bare, arrived_ns, bare_of, receive_first, send
from harness.mcp import outcome
from harness.mcp.frames import Frames
from harness.mcp.messages import Headers, Reply, Request
from harness.run_directory.schema import NULL


class _Counted:
    """The bytes and times of one exchange."""

    __slots__ = ("bytes_in", "bytes_out", "first_byte_ns", "last_byte_ns", "sent_ns")

    def __init__(self, sent_ns: int) -> None:
        self.bytes_out, self.bytes_in, self.first_byte_ns, self.sent_ns = 0, 0, NULL, sent_ns
        self.last_byte_ns = NULL  # of the reply; NULL: unknown


class WebSocketConnection:
    """One socket to one server; not shared between greenlets."""

    def __init__(self, url: str, deadlines: Deadlines, timeout_s: float, headers: Headers = ()) -> None:
        self._url = url
        self._place = Endpoint.of(url)
        self._headers = headers
        self._deadlines = deadlines
        self._timeout_ns = int(timeout_s * 1e9)
        self._socket: gevent.socket.socket | None = None
        self._bare: Bare | None = None  # the same, without gevent's layer
        self._frames = self._anew()
        self.deadline_ns = 0
        self.expired = False

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def exchange(self, request: Request, *, target: str = "") -> Exchanged:
        """Make one attempt; a notification is done when it is sent. `target` is ignored."""
        del target
        sent_ns = time.monotonic_ns()
        self.expired = False
        self.deadline_ns = sent_ns + self._timeout_ns
        self._deadlines.watch(self)
        reused = self._socket is not None
        counted = _Counted(sent_ns)
        try:
            reply = self._attempt(request, counted)
        except BaseException:  # the user is being stopped in mid-call
            self.close()
            raise
        finally:
            self.deadline_ns = 0
        known_ns = time.monotonic_ns()
        done_ns, held_ns = counted.last_byte_ns, known_ns - counted.last_byte_ns
        if done_ns == NULL:
            done_ns, held_ns = known_ns, NULL
        self._frames.reply = None  # it may be large
        if reply.outcome != outcome.OK and (
            reply.outcome in outcome.CONNECTION_FAILURES or not self._frames.is_open
        ):
            self.close()
        return Exchanged(
            reply,
            sent_ns,
            counted.first_byte_ns,
            done_ns,
            counted.bytes_out,
            counted.bytes_in,
            reused,
            held_ns,
        )

    def close(self) -> None:
        """Send a close frame if that is possible at once, and close; idempotent."""
        self._deadlines.forget(self)
        sock, self._socket, self._bare = self._socket, None, None
        if sock is None:
            return
        try:
            sock.setblocking(False)
            sock.send(self._frames.goodbye())
        except OSError:
            return
        finally:
            sock.close()
            self._frames.let_go()

    def shut(self) -> None:
        """Shut the socket down; the sweep calls this to wake us."""
        shut(self._socket)

    def _anew(self) -> Frames:
        return Frames(unix_socket.plain(self._url), (*credential.beside(self._headers), *self._headers))

    def _attempt(self, request: Request, counted: _Counted) -> Reply:
        try:
            if self._socket is None:
                self._frames = self._anew()
                self._socket = connect(self._place, self.deadline_ns)
                self._bare = bare_of(self._socket, secure=self._place.secure)
                self._send(self._frames.hello(), counted)
                self._receive_until(lambda: self._frames.opened, counted)
            if self._frames.reply is None or self._frames.opened:
                self._send(self._frames.send(request), counted)
                self._receive_until(lambda: False, counted)
        except OSError as error:
            return self._failure(error)
        assert self._frames.reply is not None
        return self._frames.reply

    def _receive_until(self, enough: Callable[[], bool], counted: _Counted) -> None:
        """Receive until `enough()` or a reply; raise if the connection ends."""
        bare = self._bare
        assert self._socket is not None
        assert bare is not None
        while self._frames.reply is None and not enough():
            data = receive_first(self._socket, bare)
            if not data:
                counted.last_byte_ns = NULL
                raise ConnectionAbortedError("closed by the server")
            came_ns = arrived_ns(bare, time.monotonic_ns(), max(counted.sent_ns, counted.first_byte_ns))
            counted.last_byte_ns = came_ns if bare.tells else NULL
            if counted.first_byte_ns == NULL:
                counted.first_byte_ns = came_ns
            counted.bytes_in += len(data)
            self._send(self._frames.receive(data), counted)

    def _send(self, data: bytes, counted: _Counted) -> None:
        if data:
            assert self._socket is not None
            assert self._bare is not None
            send(self._socket, self._bare, data)
            counted.bytes_out += len(data)

    def _failure(self, error: OSError) -> Reply:
        if self.expired or isinstance(error, TimeoutError):
            return self._frames.fail(outcome.TIMEOUT, "no answer in time")
        if self._socket is None:
            return self._frames.fail(outcome.CONNECT, connect_errors.said(error))
        return self._frames.ended(reset=isinstance(error, ConnectionResetError | BrokenPipeError))
