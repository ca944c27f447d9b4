"""Heads of responses that llhttp has parsed before, byte for byte: they need not be parsed again.

    HTTP/1.1 200 OK ... Content-Length: 128      a head that came before (servers change a date once a second)
    {"jsonrpc":"2.0","id":7,"result":...}        followed by exactly 128 bytes

In such a response all but the JSON is known, and the usual functions judge the JSON. Anything else, be it
different by one byte, in two pieces, refused, streamed or chunked, goes through llhttp: `judge` returns None.
A known head is stored as llhttp itself parsed it, with a body of that length.
A head is parsed for this when it comes a second time: for a server that numbers every response it is not
worth it. The cache serves all connections of a process, and holds a thousand heads, of 4 KB at most.
"""

import httptools
import msgspec

from harness.mcp.judge import judge_response
from harness.mcp.messages import Reply, Request, parse

HEADS_MAX, HEAD_BYTES_MAX = 1_000, 4_096
END = b"\r\n\r\n"
STREAM, CHUNKED, PACKED = b"text/event-stream", b"transfer-encoding", b"content-encoding"


class Known(msgspec.Struct, frozen=True):
    """A known head: status 200, keep-alive, JSON of this length."""

    body_bytes: int
    session_id: str | None


NEVER = Known(-1, None)
STREAMED = (
    -2
)  # the length of a stream in chunks: only the fast lane reads one that is one event (`native/wire.c`)


class KnownHeads:
    """The heads seen so far: None for one seen once, NEVER for one that cannot be used."""

    def __init__(self) -> None:
        self.by_bytes: dict[bytes, Known | None] = {}

    def judge(self, request: Request, data: bytes) -> Reply | None:
        """Return the reply if `data` is one whole response with a known head, else None."""
        end = data.find(END) + len(END)
        known = self.by_bytes.get(data[:end])
        if known is None or len(data) - end != known.body_bytes or request.id is None:
            return None
        message = parse(data[end:])
        if message is None or message.method is not msgspec.UNSET:
            return None
        return judge_response(message, request.id, 200, known.session_id)

    def learn(self, data: bytes) -> None:
        """Remember the head of `data`, which llhttp found to be one whole response."""
        end = data.find(END) + len(END)
        head = data[:end]
        if len(head) > HEAD_BYTES_MAX:
            return
        if head not in self.by_bytes:
            if len(self.by_bytes) >= HEADS_MAX:
                self.by_bytes.clear()
            self.by_bytes[head] = None
        elif self.by_bytes[head] is None:
            self.by_bytes[head] = _look_into(head, len(data) - end)


class _Listener:
    """The parser's callbacks for one response: its headers, and how far it is parsed."""

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.parser = httptools.HttpResponseParser(self)
        self.got = ""
        self.stays = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self.got += "head "

    def on_message_complete(self) -> None:
        self.got += "body"
        self.stays = self.parser.should_keep_alive()


def _look_into(head: bytes, body_bytes: int) -> Known:
    """Let llhttp parse the head with a body of that length; both must end exactly with their last byte."""
    if CHUNKED in head.lower():
        return _look_into_stream(head)
    listener = _Listener()
    parser, events = listener.parser, []
    try:
        for piece in (head[:-1], head[-1:], b" " * (body_bytes - 1), b" "):
            parser.feed_data(piece)
            events.append(listener.got)
    except httptools.HttpParserError:
        return NEVER
    headers = listener.headers
    usual = parser.get_status_code() == 200 and not headers.get(b"content-type", b"").lower().startswith(
        STREAM
    )
    if (
        events != ["", "head ", "head ", "head body"]
        or not usual
        or not listener.stays
        or {CHUNKED, PACKED} & headers.keys()
    ):
        return NEVER
    session_id = headers.get(b"mcp-session-id")
    return Known(body_bytes, session_id.decode("latin-1") if session_id is not None else None)


def _look_into_stream(head: bytes) -> Known:
    """Let llhttp parse the head of a stream with a chunk."""
    listener = _Listener()
    events = []
    try:
        for piece in (head[:-1], head[-1:], b"2\r\n: \r\n0\r\n\r", b"\n"):
            listener.parser.feed_data(piece)
            events.append(listener.got)
    except httptools.HttpParserError:
        return NEVER
    headers = listener.headers
    usual = listener.parser.get_status_code() == 200 and headers.get(b"content-type", b"").lower().startswith(
        STREAM
    )
    chunked = headers.get(CHUNKED, b"").lower() == b"chunked" and b"content-length" not in headers
    if (
        events != ["", "head ", "head ", "head body"]
        or not (usual and chunked and listener.stays)
        or PACKED in headers
    ):
        return NEVER
    session_id = headers.get(b"mcp-session-id")
    return Known(STREAMED, session_id.decode("latin-1") if session_id is not None else None)
