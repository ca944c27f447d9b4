"""One WebSocket without I/O: bytes in, bytes out, one outcome per call. `websockets` handles the frames.

- A text frame holds one JSON-RPC message; a binary frame, or one that is not JSON-RPC, is a bad body.
- A late reply to a call that was given up is ignored; any other id that is not ours is an `id_mismatch`.
- Pings and requests of the server are answered (`receive` returns the bytes); notifications are ignored.
- An end in the middle of a message is `truncated`, any other end before the reply is `disconnected`.
"""

from collections import deque

from websockets.client import ClientProtocol
from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from harness.mcp import outcome
from harness.mcp.exchange import BODY_BYTES_MAX, NO_ROOM
from harness.mcp.judge import judge_response, printable
from harness.mcp.messages import Headers, Message, Reply, Request, answer, parse
from harness.mcp.reply_memory import HeldBytes, NoRoomError, Share, joined
from harness.mcp.textframe import LOST, lacking, masked, unmasked

OPENED_STATUS = 101
END_OF_HEAD = b"\r\n\r\n"
SUBPROTOCOL = "mcp"
PIECE_BYTES = 65_536
PENDING_MAX = 4_096  # frames of one piece: a JSON-RPC message has more than 16 bytes, a piece 64 KB


class Frames:
    """One WebSocket connection, from its first byte to its last; it makes one call at a time."""

    __slots__ = (
        "_began",
        "_calling",
        "_due",
        "_expected",
        "_headers",
        "_partial",
        "_pending",
        "_protocol",
        "_share",
        "opened",
        "reply",
    )

    def __init__(self, url: str, headers: Headers = ()) -> None:
        self._protocol = ClientProtocol(
            parse_uri(url), subprotocols=[Subprotocol(SUBPROTOCOL)], max_size=BODY_BYTES_MAX
        )
        self._headers = headers
        self._expected: int | None = None
        self._partial: bytes | bytearray | None = None  # the part of an incomplete message
        self._share = Share()  # the bytes of an incomplete frame
        self._pending: deque[Frame] = deque()
        self._began = False  # whether a byte was received
        self._calling = False
        self._due = LOST  # bytes still missing of the current frame
        self.opened = False
        self.reply: Reply | None = None  # the reply to the current call, or to the opening

    def hello(self) -> bytes:
        """The HTTP request that opens the WebSocket."""
        request = self._protocol.connect()
        for name, value in self._headers:
            request.headers[name] = value
        self._protocol.send_request(request)
        return self._to_send()

    def send(self, request: Request) -> bytes:
        """Begin a call and return its bytes; a notification is done as soon as it is sent."""
        self._calling, self._expected = True, request.id
        self.reply = Reply(outcome.OK, status=OPENED_STATUS) if request.id is None else None
        if self._protocol.state is not State.OPEN:  # the server closed the connection between calls
            self.reply = Reply(outcome.DISCONNECTED, "closed by the server", OPENED_STATUS)
            return b""
        return masked(request.body) + self._judge()

    def receive(self, data: bytes) -> bytes:
        """Take received bytes and return the bytes to send in reply. Then look at `opened` and `reply`."""
        self._began = True
        if self._due == 0 and self._waits():
            text = unmasked(data)
            if text is not None:
                return self._judge_text(text)
        self._due = lacking(data, self._due)
        self._protocol.receive_data(data)
        self._hold()
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._keep(event)
            elif isinstance(event, Response):
                self._judge_opening(event)
                if self.opened and data.startswith(b"HTTP") and data.find(END_OF_HEAD) == len(data) - 4:
                    self._due = 0  # the head came alone
        return self._to_send() + self._judge()

    @property
    def is_open(self) -> bool:
        """Whether the connection can carry another call."""
        return self.opened and self._protocol.state is State.OPEN

    def let_go(self) -> None:
        """Release what was received and break `websockets`' reference cycle: nothing more will come."""
        self._pending.clear()
        self._partial = None
        self._protocol.reader.buffer.clear()
        self._protocol.parser.close()

    def ended(self, *, reset: bool = False) -> Reply:
        """Take the end of the connection; an outcome that is already known stays."""
        in_opening = self._began and not self.opened
        if in_opening or self._partial is not None or self._protocol.reader.buffer:
            return self.fail(outcome.TRUNCATED, "closed in the middle of a message")
        if reset:
            return self.fail(outcome.RESET, "reset by the server")
        return self.fail(outcome.DISCONNECTED, "closed by the server")

    def fail(self, failed: str, detail: str) -> Reply:
        """End with a transport error; an outcome that is already known stays."""
        if self.reply is None:
            self._end_as(failed, detail)
        assert self.reply is not None
        return self.reply

    def goodbye(self) -> bytes:
        """The close frame that a polite client sends; empty when the connection is not open."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(1000)
        return self._to_send()

    def _hold(self) -> None:
        """Count the bytes that `websockets` holds of an incomplete frame."""
        held = len(self._protocol.reader.buffer)
        try:
            self._share.resize(held if held > PIECE_BYTES else 0)
        except NoRoomError:
            self._have_no_room()

    def _have_no_room(self) -> None:
        self.fail(outcome.NOT_HELD, NO_ROOM)
        self._protocol.reader.buffer.clear()
        self._share.resize(0)
        self._partial = None
        if self._protocol.state is State.OPEN:
            self._protocol.fail(CloseCode.MESSAGE_TOO_BIG)

    def _keep(self, frame: Frame) -> None:
        """Queue a frame until it is judged; pings and pongs have been answered already."""
        if frame.opcode in {Opcode.PING, Opcode.PONG}:
            return
        if len(self._pending) < PENDING_MAX:
            self._pending.append(frame)
        elif self._protocol.state is State.OPEN:
            self._protocol.fail(CloseCode.POLICY_VIOLATION)
            self._protocol.parser_exc = ProtocolError(f"more than {PENDING_MAX:,} frames at once")

    def _waits(self) -> bool:
        """Whether a call waits for its reply, and no earlier frame is still to be judged."""
        return (
            self._calling
            and self.reply is None
            and self._partial is None
            and not self._pending
            and self._protocol.state is State.OPEN
        )

    def _to_send(self) -> bytes:
        return b"".join(self._protocol.data_to_send())

    def _end_as(self, ended: str, detail: str, status: int | None = None) -> None:
        status = status or (OPENED_STATUS if self.opened else None)
        self.reply = Reply(ended, printable(detail), status)

    def _judge_opening(self, response: Response) -> None:
        status = response.status_code
        if status == 429:
            self._end_as(outcome.RATE_LIMITED, "429", status)
        elif status in outcome.UNAUTHORIZED_STATUSES:
            self._end_as(outcome.UNAUTHORIZED, f"{status}", status)
        elif status != OPENED_STATUS:
            self._end_as(outcome.HTTP_STATUS, f"{status}", status)
        elif self._protocol.handshake_exc is None:
            self.opened = True

    def _judge(self) -> bytes:
        """Judge received frames until the reply is there; returns the answers to the server's requests."""
        answers = b""
        while self._calling and self._pending and self.reply is None:
            answers += self._take(self._pending.popleft())
        if self.reply is None:
            self._judge_protocol()
        return answers

    def _judge_protocol(self) -> None:
        """End the call if the peer broke the protocol: no frame can follow that."""
        breach = self._protocol.handshake_exc or self._protocol.parser_exc
        if isinstance(breach, PayloadTooBig):
            self._end_as(outcome.BAD_BODY, "message of more than 16 MB")
        elif breach is not None:
            self._end_as(outcome.HTTP_PROTOCOL, str(breach))

    def _take(self, frame: Frame) -> bytes:
        if frame.opcode is Opcode.CLOSE:
            self._end_as(outcome.DISCONNECTED, "closed by the server")
        elif frame.opcode is Opcode.BINARY:
            self._end_as(outcome.BAD_BODY, "a binary message")
        elif frame.opcode in {Opcode.TEXT, Opcode.CONT}:
            data = frame.data if isinstance(frame.data, bytearray) else bytes(frame.data)
            frame.data = b""  # the parser keeps the last frame until the next one
            return self._take_text(data, whole=frame.fin)
        return b""

    def _take_text(self, data: bytes | bytearray, *, whole: bool) -> bytes:
        try:
            if self._partial is not None:
                text = joined(self._partial, data)
            else:
                text = HeldBytes(data) if len(data) > PIECE_BYTES else data
        except NoRoomError:
            self._have_no_room()
            return b""
        self._partial = None if whole else text
        return self._judge_text(text) if whole else b""

    def _judge_text(self, text: bytes | bytearray) -> bytes:
        """Judge one text message; returns the answer if the message is a request of the server."""
        message = parse(text)
        if message is None:
            self._end_as(outcome.BAD_BODY, "not JSON-RPC")
        elif message.asks:
            if self._protocol.state is not State.OPEN:  # the same bytes broke the protocol: do not reply
                return b""
            self._protocol.send_text(answer(message))
            return self._to_send()
        elif not isinstance(message.method, str) and not self._given_up(message):
            self.reply = judge_response(message, self._expected, OPENED_STATUS, None)
        return b""

    def _given_up(self, message: Message) -> bool:
        return self._expected is not None and type(message.id) is int and 0 < message.id < self._expected
