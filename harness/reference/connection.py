"""A connection of the web server, with limits that uvicorn lacks: in time and in bytes, for head and body.

    |-- head, HEAD_S and HEAD_BYTES_MAX --|-- body, BODY_S and WIRE_BYTES_MAX --|-- answer --|-- idle, uvicorn's 5 s --|

A request beyond them is the last on its connection:

    a head that does not end     408 (time), 431 (bytes); also one that does not begin, on a connection just opened
    a body that does not end     the door's own 408 or 413 (`doors.wire`), after which the connection is closed;
                                 of one that no door reads, or that was answered, it is closed without a word
    a handshake of a WebSocket   400 when its parser refuses it: uvicorn would leave the connection open and say nothing

A request that comes whole, as nearly all do, costs no timer. While the service itself reads nothing more (a full
buffer) the time of a body does not count. Fields behind a chunked body (trailers) are not kept: nobody asks for them.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from harness.reference.doors import wire

HEAD_S: float = 10.0
HEAD_BYTES_MAX: Final = 64 * 1024
WIRE_BYTES_MAX: Final = 2 * wire.BODY_BYTES_MAX  # of a body as it is sent: chunks have a frame around them
TOO_LARGE: Final = 431, f"The head has more than {HEAD_BYTES_MAX} bytes."
LATER_S: float = 1.0  # later than the door, which answers in its protocol
IDLE, HEAD, BODY, GONE = "idle", "head", "body", "gone"

Told = Callable[[tuple[str, int] | None, int, str], None]  # a refusal: of whom, status, words


class Connection(HttpToolsProtocol):
    """uvicorn's connection, with limits; see the module. `told` is called for each refusal."""

    def __init__(self, *args: Any, told: Told = lambda *_: None, **more: Any) -> None:
        super().__init__(*args, **more)
        self._told = told
        self._part = IDLE  # of the request that comes in
        self._size = 0  # bytes of the head's fields
        self._came = 0  # bytes of this part, but for the piece in which it began
        self._waiting: tuple[str, asyncio.TimerHandle] | None = None
        self._refusal = (400, "Invalid HTTP request received.")

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for(HEAD, HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_for_nothing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        part = self._part
        super().data_received(data)
        self._came = self._came + len(data) if self._part == part else 0
        if self._part == IDLE:
            # uvicorn holds a connection for its next request from the answer on, until bytes come, of whatever kind.
            if self._is_answered() and self.timeout_keep_alive_task is None:
                self._wait_for(HEAD, HEAD_S)
            else:
                self._wait_for_nothing()
        elif self._part == HEAD:
            if self._came > HEAD_BYTES_MAX:  # a field that does not end is not told of
                self._refuse(*TOO_LARGE)
            else:
                self._wait_for(HEAD, HEAD_S)
        elif self._part == BODY:
            if self._came > WIRE_BYTES_MAX:
                self._refuse(413, f"The body has more than {WIRE_BYTES_MAX} bytes.")
            else:
                self._wait_for(BODY, wire.BODY_S + LATER_S)

    def on_message_begin(self) -> None:
        self._part, self._size = HEAD, 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._part == HEAD:
            self._count(len(name) + len(value) + 4)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._count(len(self.url))
        self._part = BODY
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._part = IDLE
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._part = GONE
        self._wait_for_nothing()
        super().handle_websocket_upgrade()
        # Its parser has limits of its own, and uvicorn does not ask whether they were kept.
        if not getattr(self.transport.get_protocol(), "handshake_initiated", True):
            self._refuse(400, "Invalid WebSocket request.")

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  the parser's; ours says more
        self._refuse(*self._refusal)

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > HEAD_BYTES_MAX:
            self._refusal = TOO_LARGE
            raise ValueError  # to the parser, which tells of it as of a fault of its own: `send_400_response`

    def _is_answered(self) -> bool:
        return bool(getattr(self.cycle, "response_complete", True))  # None before the first request

    def _wait_for(self, part: str, seconds: float) -> None:
        """Start the timer of this part at its first bytes; later bytes do not extend it."""
        if self._waiting is None or self._waiting[0] != part:
            self._wait_for_nothing()
            if not self.transport.is_closing():
                self._waiting = part, self.loop.call_later(seconds, self._late)

    def _wait_for_nothing(self) -> None:
        if self._waiting is not None:
            self._waiting[1].cancel()
            self._waiting = None

    def _late(self) -> None:
        part, self._waiting = self._waiting[0] if self._waiting else IDLE, None
        if part == BODY and self.flow.read_paused:
            self._wait_for(BODY, wire.BODY_S + LATER_S)
        elif part == BODY or not self._is_answered():
            self._end()
        else:
            self._refuse(408, f"The head of a request did not come within {HEAD_S:g} s.")

    def _end(self) -> None:
        """Close the connection, after the answer to an earlier request if one is due."""
        self._wait_for_nothing()
        if self._is_answered():
            self.transport.close()
        else:
            self.cycle.keep_alive = False

    def _refuse(self, status: int, words: str) -> None:
        self._wait_for_nothing()
        if self.transport.is_closing():
            return
        # Another answer may be on its way, to what was asked before: then there is no place for this one.
        if self._is_answered() or (self._part == BODY and not self.cycle.response_started):
            body = words.encode()
            self.transport.write(
                STATUS_LINE[status]
                + b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
                + b"content-length: %d\r\n\r\n%s" % (len(body), body)
            )
        self.transport.close()
        self._told(self.client, status, words)
