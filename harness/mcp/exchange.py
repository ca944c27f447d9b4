"""The receiving half of one HTTP exchange: head, pieces of body and end go in, exactly one outcome comes out.

    transport -> status -> content type -> JSON -> JSON-RPC shape -> id -> error -> isError

- The content type chooses the reader: a stream of events, or one JSON body. A body that is JSON-RPC is taken
  under any other type too; the type is told when it is not.
- A message with a method is never a response, whatever its id: the id space of the server's requests is its own.
- `done` is true as soon as the response is there; what follows is for the transport to drain.
- A stream that ends cleanly without the response, but told the id of an event, can be resumed (`resumption`).
- Bodies and events are bounded (16 MB), and so is a stream (64 MB): anything larger is a bad body. They need
  no more memory than that, even if they come in tiny pieces. All replies of a process share another bound
  (`held`).
"""

from typing import Final

import msgspec

from harness.mcp import outcome, sse
from harness.mcp.judge import judge_refusal, judge_response, printable
from harness.mcp.messages import Message, Reply, Request, parse
from harness.mcp.reply_memory import HELD_BYTES_MAX, NoRoomError, joined

BODY_BYTES_MAX: Final = 16_000_000
STREAM_BYTES_MAX: Final = 64_000_000
ASKED_MAX: Final = 16
NO_ROOM: Final = f"all replies under way are more than {HELD_BYTES_MAX // 1_000_000} MB"
LAST_EVENT_ID: Final = "Last-Event-ID"
RETRY_S: Final = 1.0  # used when the server gives no time
RESUMPTIONS_MAX: Final = 100
# The statuses that are fine for a request without an id: a DELETE may find no session, or no support for it.
FINE_TOO: Final = {"POST": range(200, 300), "DELETE": (*range(200, 300), 404, 405)}


class Exchange:
    """The state of one HTTP exchange: what has been received so far."""

    __slots__ = (
        "_body", "_events", "_request", "_size", "_status", "_type", "asked", "reply", "session_id",
    )  # fmt: skip

    def __init__(self, request: Request) -> None:
        self._request = request
        self._status = 0
        self._type = ""
        self._events: sse.Parser | None = None
        self._body: bytes | bytearray = b""
        self._size = 0
        self.session_id: str | None = None
        self.asked: list[Message] = []  # requests of the server, to be answered
        self.reply: Reply | None = None

    @property
    def done(self) -> bool:
        return self.reply is not None

    @property
    def got_head(self) -> bool:
        return self._status != 0

    def head(self, status: int, content_type: str, session_id: str | None) -> None:
        """Take the status line and the relevant headers."""
        self._status = status
        self._type = content_type = content_type.lower()
        self.session_id = session_id
        if status == 200 and content_type.startswith("text/event-stream") and self._request.id is not None:
            self._events = sse.Parser(BODY_BYTES_MAX)

    def body(self, chunk: bytes) -> bool:
        """Take a piece of the body; returns true when the outcome is known."""
        if self.reply is not None:
            return True
        self._size += len(chunk)
        if self._events is not None:
            self._stream(self._events, chunk)
        elif self._size > BODY_BYTES_MAX:
            self._give_up("body of more than 16 MB")
        elif not self._body:
            self._body = chunk
        else:
            self._join(chunk)
        return self.reply is not None

    def end(self, *, closed: bool = False) -> Reply:
        """Take the end of the reply. `closed`: the connection closed, and nothing else marks the end."""
        if self.reply is None and self._events is not None:
            if closed and self._events.inside_event:
                self._end_as(outcome.TRUNCATED, "closed in the middle of an event")
            else:
                self._end_as(outcome.STREAM_ENDED, "the stream ended without a response")
        elif self.reply is None:
            body = self._body
            if closed and body.startswith(b"{") and not body.rstrip().endswith(b"}"):
                self._end_as(outcome.TRUNCATED, "closed in the middle of a reply")
            else:
                self._judge_whole(body)
        self._let_go()
        assert self.reply is not None
        return self.reply

    def fail(self, failed: str, detail: str) -> Reply:
        """End with a transport error; an outcome that is already known stays."""
        if self.reply is None:
            self._end_as(failed, detail)
            self._let_go()
        assert self.reply is not None
        return self.reply

    def _join(self, chunk: bytes) -> None:
        try:
            self._body = joined(self._body, chunk)
        except NoRoomError:
            self._give_up(NO_ROOM, outcome.NOT_HELD)

    def _give_up(self, why: str, ended: str = outcome.BAD_BODY) -> None:
        self._end_as(ended, why)
        self._let_go()

    def _let_go(self) -> None:
        """Release the buffers once the outcome is known, because they may be large."""
        self._body = b""
        if self._events is not None:
            self._events.let_go()

    def resumption(self) -> Request | None:
        """The request for the rest of a stream that ended before the response; None if it cannot go on.

        A server may close a stream after an event with an id, and expect the client to ask again (polling). A
        stream that was cut off is not resumed, because the effect of a fault must be seen.
        """
        reply, request = self.reply, self._request
        if reply is None or reply.outcome != outcome.STREAM_ENDED or not request.in_session:
            return None
        last_event = self._events.last_id if self._events is not None else ""
        headers = tuple(line for line in request.headers if line[0] not in {"Content-Type", LAST_EVENT_ID})
        last_id = last_event or dict(request.headers).get(LAST_EVENT_ID, "")
        if not last_id:
            return None
        return msgspec.structs.replace(
            request, body=b"", method="GET", headers=(*headers, (LAST_EVENT_ID, last_id))
        )

    @property
    def retry_s(self) -> float:
        """Seconds to wait before sending that request."""
        retry_ms = self._events.retry_ms if self._events is not None else None
        return RETRY_S if retry_ms is None else retry_ms / 1000

    def _end_as(self, ended: str, detail: str = "") -> None:
        self.reply = Reply(ended, printable(detail), self._status or None, None, None, self.session_id)

    def _stream(self, events: sse.Parser, chunk: bytes) -> None:
        try:
            for data in events.feed(chunk):
                self._judge_message(data, in_stream=True)
                if self.reply is not None:
                    return
        except sse.TooLargeError:
            self._give_up("event of more than 16 MB")
        except NoRoomError:
            self._give_up(NO_ROOM, outcome.NOT_HELD)
        if self._size > STREAM_BYTES_MAX:
            self._give_up("stream of more than 64 MB")

    def _judge_whole(self, body: bytes | bytearray) -> None:
        if self._request.id is None:
            self._judge_acknowledgement(body)
        elif self._status == 200:
            self._judge_message(body, in_stream=False)
        else:
            self._refuse(body)

    def _judge_acknowledgement(self, body: bytes | bytearray) -> None:
        """A GET asks for 200 and what it contains; a notification or a goodbye for nothing but a status."""
        status, method, wanted = self._status, self._request.method, self._request.contains
        if method == "GET" and status == 200 and wanted not in body:
            self._end_as(outcome.BAD_BODY, f"no {wanted.decode()!r} in it")
        elif status == 200 or status in FINE_TOO.get(method, ()):
            self._end_as(outcome.OK)
        else:
            self._refuse(body)

    def _refuse(self, body: bytes | bytearray) -> None:
        named = self._request.names_session
        self.reply = judge_refusal(body, self._request.id, self._status, self.session_id, in_session=named)

    def _judge_message(self, data: bytes | bytearray, *, in_stream: bool) -> None:
        message = parse(data)
        if message is None:
            kind = f"not JSON-RPC ({self._type})" if self._type else "not JSON-RPC"
            self._end_as(outcome.BAD_BODY, "empty body" if not data or data.isspace() else kind)
        elif not isinstance(message.method, msgspec.UnsetType):
            if not in_stream:
                self._end_as(outcome.BAD_BODY, "a message that is no response")
            elif message.asks and len(self.asked) < ASKED_MAX:
                self.asked.append(message)
        else:
            self.reply = judge_response(message, self._request.id, self._status, self.session_id)
