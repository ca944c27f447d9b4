"""One user's WebSocket, on a gevent socket: frames by `websockets` without I/O, one call at a time.

The connection is opened by the first exchange, which carries the time that takes. A reply to something that was
given up earlier is passed over; any other id that is not ours is an `id_mismatch`. A frame that is no JSON-RPC
is a bad body. Pings are answered while a reply is awaited.
"""

import socket
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import gevent.socket
import gevent.ssl
import msgspec
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from harness.load.inside.deadlines import Deadlines, shut
from harness.load.inside.transport import READ_BYTES, Exchanged
from harness.mcp import outcome
from harness.mcp.dialects.websocket import SUBPROTOCOL
from harness.mcp.exchange import BODY_BYTES_MAX, judge_response
from harness.mcp.messages import Headers, Message, Reply, Request, decode_message
from harness.record.schema import NULL

OPENED_STATUS = 101


class WebSocketConnection:
    """One socket to one server; not shared between greenlets."""

    def __init__(self, url: str, deadlines: Deadlines, timeout_s: float, headers: Headers = ()) -> None:
        self._url = url
        self._headers = headers
        self._deadlines = deadlines
        self._timeout_ns = int(timeout_s * 1e9)
        self._socket: gevent.socket.socket | None = None
        self._protocol: ClientProtocol | None = None
        self._text = b""
        self.deadline_ns = 0
        self.expired = False

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def exchange(self, request: Request, *, session: bool = False, target: str = "") -> Exchanged:
        """Make one attempt; a notification is done when it is sent."""
        del session, target
        sent_ns = time.monotonic_ns()
        self.expired = False
        self.deadline_ns = sent_ns + self._timeout_ns
        self._deadlines.watch(self)
        reused = self._socket is not None
        counted = [0, 0, NULL]  # bytes out, bytes in, first byte
        try:
            reply = self._attempt(request, counted)
        except BaseException:  # the user is being stopped in mid-call
            self.close()
            raise
        finally:
            self.deadline_ns = 0
        done_ns = time.monotonic_ns()
        if reply.outcome in outcome.CONNECTION_FAILURES:
            self.close()
        return Exchanged(reply, sent_ns, counted[2], done_ns, counted[0], counted[1], reused)

    def close(self) -> None:
        """Say goodbye if that is possible at once; idempotent."""
        self._deadlines.forget(self)
        sock, protocol, self._socket, self._protocol = self._socket, self._protocol, None, None
        if sock is None:
            return
        try:
            if protocol is not None:
                protocol.send_close(1000)
                sock.setblocking(False)
                for data in protocol.data_to_send():
                    sock.send(data)
        except (OSError, ProtocolError):
            pass
        finally:
            sock.close()

    def shut(self) -> None:
        """The sweep's way to wake us."""
        shut(self._socket)

    def _attempt(self, request: Request, counted: list[int]) -> Reply:
        connected = False
        try:
            if self._socket is None:
                self._connect()
                refused = self._upgrade(counted)
                if refused is not None:
                    self.close()
                    return refused
            connected = True
            assert self._protocol is not None
            self._protocol.send_text(request.body)
            self._flush(counted)
            if request.id is None:
                return Reply(outcome.OK, status=OPENED_STATUS)
            return self._await(request.id, counted)
        except (ProtocolError, InvalidHandshake) as error:
            return Reply(outcome.HTTP_PROTOCOL, str(error)[:120])
        except OSError as error:
            return self._failure(error, connected or self._socket is not None)

    def _connect(self) -> None:
        parts = urlsplit(self._url)
        secure = parts.scheme == "wss"
        address = (parts.hostname or "", parts.port or (443 if secure else 80))
        left_s = max((self.deadline_ns - time.monotonic_ns()) / 1e9, 0.001)
        sock = gevent.socket.create_connection(address, timeout=left_s)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if secure:
            sock = gevent.ssl.create_default_context().wrap_socket(sock, server_hostname=address[0])
        sock.settimeout(None)
        self._socket = sock
        self._text = b""
        self._protocol = ClientProtocol(
            parse_uri(self._url), subprotocols=[Subprotocol(SUBPROTOCOL)], max_size=BODY_BYTES_MAX
        )

    def _upgrade(self, counted: list[int]) -> Reply | None:
        """None when the socket is open; else why it is not."""
        assert self._protocol is not None
        hello = self._protocol.connect()
        for name, value in self._headers:
            hello.headers[name] = value
        self._protocol.send_request(hello)
        self._flush(counted)
        while True:
            for event in self._receive(counted):
                if not isinstance(event, Response):
                    continue
                if event.status_code == OPENED_STATUS and self._protocol.handshake_exc is None:
                    return None
                if event.status_code == 429:
                    return Reply(outcome.RATE_LIMITED, "429", 429)
                if event.status_code != OPENED_STATUS:
                    return Reply(outcome.HTTP_STATUS, f"{event.status_code}", event.status_code)
            if self._protocol.handshake_exc is not None:
                raise self._protocol.handshake_exc

    def _await(self, number: int, counted: list[int]) -> Reply:
        while True:
            for event in self._receive(counted):
                if not isinstance(event, Frame):
                    continue
                text = self._whole_text(event)
                if text is None:
                    continue
                reply = self._judge(text, number)
                if reply is not None:
                    return reply

    def _whole_text(self, frame: Frame) -> bytes | None:
        if frame.opcode is Opcode.CLOSE:
            raise ConnectionAbortedError("closed by the server")
        if frame.opcode not in {Opcode.TEXT, Opcode.CONT, Opcode.BINARY}:
            return None
        self._text += bytes(frame.data)
        if not frame.fin:
            return None
        text, self._text = self._text, b""
        return text

    def _judge(self, text: bytes, number: int) -> Reply | None:
        try:
            message: Message = decode_message(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Reply(outcome.BAD_BODY, "not JSON-RPC", OPENED_STATUS)
        if not isinstance(message.method, msgspec.UnsetType):
            return None
        if type(message.id) is int and 0 < message.id < number:
            return None
        return judge_response(message, number, OPENED_STATUS, None)

    def _receive(self, counted: list[int]) -> Sequence[object]:
        """The next events; raises when the connection has ended."""
        assert self._socket is not None
        assert self._protocol is not None
        data = self._socket.recv(READ_BYTES)
        if not data:
            raise ConnectionAbortedError("closed by the server")
        if counted[2] == NULL:
            counted[2] = time.monotonic_ns()
        counted[1] += len(data)
        self._protocol.receive_data(data)
        self._flush(counted)
        events = list(self._protocol.events_received())
        if self._protocol.parser_exc is not None:
            raise ProtocolError(str(self._protocol.parser_exc))
        return events

    def _flush(self, counted: list[int]) -> None:
        assert self._socket is not None
        assert self._protocol is not None
        for data in self._protocol.data_to_send():
            if data:
                self._socket.sendall(data)
                counted[0] += len(data)

    def _failure(self, error: OSError, connected: bool) -> Reply:
        text = (error.strerror or str(error) or type(error).__name__)[:120]
        if self.expired or isinstance(error, TimeoutError):
            return Reply(outcome.TIMEOUT, "no answer in time")
        if not connected:
            return Reply(outcome.CONNECT, text)
        if isinstance(error, ConnectionResetError | BrokenPipeError):
            return Reply(outcome.RESET, text)
        return Reply(outcome.TRUNCATED if self._text else outcome.DISCONNECTED, text)
