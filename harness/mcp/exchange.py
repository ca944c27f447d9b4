"""The receiving half of one HTTP exchange: head, pieces of body and end go in, exactly one outcome comes out.

    transport -> status -> content type -> JSON -> JSON-RPC shape -> id -> error -> isError

- A message with a method is never a response, whatever its id: the id space of the server's requests is its own.
- `done` is true as soon as the response is there; what follows is for the transport to drain.
- Bodies are bounded (16 MB); a larger one is a bad body.
"""

from typing import Final

import msgspec

from harness.mcp import outcome, sse
from harness.mcp.messages import Message, Reply, Request, decode_flags, decode_message, first_text

BODY_BYTES_MAX: Final = 16_000_000
DETAIL_CHARS: Final = 120
REJECTED_CODES: Final = frozenset({-32020, -32021, -32022})


class Exchange:
    """What has come of one request so far."""

    __slots__ = (
        "_body",
        "_events",
        "_request",
        "_session",
        "_size",
        "_status",
        "asked",
        "reply",
        "session_id",
    )

    def __init__(self, request: Request, *, session: bool = False) -> None:
        self._request = request
        self._session = session  # we sent a session id, so 404 means that it is lost
        self._status = 0
        self._events: sse.Parser | None = None
        self._body: list[bytes] = []
        self._size = 0
        self.session_id: str | None = None
        self.asked: list[Message] = []  # requests of the server, to be answered
        self.reply: Reply | None = None

    @property
    def done(self) -> bool:
        return self.reply is not None

    def head(self, status: int, content_type: str, session_id: str | None) -> None:
        """Status line and the headers that matter."""
        self._status = status
        self.session_id = session_id
        if status == 200 and content_type.startswith("text/event-stream") and self._request.id is not None:
            self._events = sse.Parser(BODY_BYTES_MAX)

    def body(self, chunk: bytes) -> bool:
        """A piece of the body; true when the outcome is known."""
        if self.reply is not None:
            return True
        if self._events is not None:
            self._stream(chunk)
            return self.reply is not None
        self._size += len(chunk)
        if self._size > BODY_BYTES_MAX:
            self._end_as(outcome.BAD_BODY, "body of more than 16 MB")
        else:
            self._body.append(chunk)
        return self.reply is not None

    def end(self) -> Reply:
        """The whole of the reply has come."""
        if self.reply is None:
            if self._events is not None:
                self._end_as(outcome.STREAM_ENDED, "the stream ended without a response")
            else:
                self._judge_whole(b"".join(self._body))
        assert self.reply is not None
        return self.reply

    def fail(self, failed: str, detail: str) -> Reply:
        """The transport gave up; an outcome that is known stands."""
        if self.reply is None:
            self._end_as(failed, detail)
        assert self.reply is not None
        return self.reply

    @property
    def got_head(self) -> bool:
        return self._status != 0

    def _end_as(
        self, ended: str, detail: str = "", code: int | None = None, result: msgspec.Raw | None = None
    ) -> None:
        self.reply = Reply(ended, detail[:DETAIL_CHARS], self._status or None, code, result, self.session_id)

    def _stream(self, chunk: bytes) -> None:
        assert self._events is not None
        try:
            for data in self._events.feed(chunk):
                self._judge_message(data, in_stream=True)
                if self.reply is not None:
                    return
        except sse.TooLargeError:
            self._end_as(outcome.BAD_BODY, "event of more than 16 MB")

    def _judge_whole(self, body: bytes) -> None:
        status = self._status
        if self._request.id is None:
            self._judge_acknowledgement(body)
        elif status == 200:
            self._judge_message(body, in_stream=False)
        elif status == 429:
            self._end_as(outcome.RATE_LIMITED, "429")
        else:
            self._judge_refusal(status, body)

    def _judge_acknowledgement(self, body: bytes) -> None:
        """A notification or a goodbye asks for nothing but a status."""
        status = self._status
        wanted = self._request.contains
        if status == 200 and wanted not in body:
            self._end_as(outcome.BAD_BODY, f"no {wanted.decode()!r} in it")
        elif 200 <= status < 300 or (self._request.method == "DELETE" and status in {404, 405}):
            self._end_as(outcome.OK)
        elif status == 429:
            self._end_as(outcome.RATE_LIMITED, "429")
        else:
            self._judge_refusal(status, body)

    def _judge_refusal(self, status: int, body: bytes) -> None:
        """Any other status: the body may still be a JSON-RPC error that answers us."""
        if self._session and (status == 404 or (status == 400 and b"session" in body[:2000].lower())):
            self._end_as(outcome.SESSION_LOST, f"{status}")
            return
        message = _decode(body)
        error = message.error if message is not None else None
        if isinstance(error, msgspec.UnsetType) or error is None or message is None:
            self._end_as(outcome.HTTP_STATUS, f"{status}")
        elif status == 400 and error.code in REJECTED_CODES:
            self._end_as(outcome.REJECTED, error.message, error.code)
        elif _same_id(message.id, self._request.id) and status >= 400:
            self._end_as(outcome.RPC_ERROR, error.message, error.code)
        else:
            self._end_as(outcome.HTTP_STATUS, f"{status} {error.message}", error.code)

    def _judge_message(self, data: bytes, *, in_stream: bool) -> None:
        message = _decode(data)
        if message is None:
            self._end_as(outcome.BAD_BODY, "not JSON-RPC" if data.strip() else "empty body")
        elif not isinstance(message.method, msgspec.UnsetType):
            if not in_stream:
                self._end_as(outcome.BAD_BODY, "a message that is no response")
            elif message.id is not msgspec.UNSET:
                self.asked.append(message)
        else:
            self.reply = judge_response(message, self._request.id, self._status or None, self.session_id)


def judge_response(
    message: Message, expected_id: int | None, status: int | None, session_id: str | None
) -> Reply:
    """JSON-RPC shape, id, error, isError: the same on every transport."""
    result, error = message.result, message.error
    if message.jsonrpc != "2.0" or (isinstance(result, msgspec.UnsetType) and not error):
        return Reply(outcome.BAD_BODY, "neither result nor error", status, session_id=session_id)
    if not _same_id(message.id, expected_id):
        return Reply(outcome.ID_MISMATCH, "an answer to another id", status, session_id=session_id)
    if error:
        return Reply(
            outcome.RPC_ERROR, error.message[:DETAIL_CHARS], status, error.code, session_id=session_id
        )
    assert isinstance(result, msgspec.Raw)
    try:
        flags = decode_flags(result)
    except msgspec.DecodeError:  # a result that is no object: not a tool's
        return Reply(outcome.OK, "", status, None, result, session_id)
    if flags.isError:
        return Reply(outcome.TOOL_ERROR, first_text(result)[:DETAIL_CHARS], status, None, result, session_id)
    if flags.resultType == "input_required":
        return Reply(outcome.INPUT_REQUIRED, "", status, None, result, session_id)
    return Reply(outcome.OK, "", status, None, result, session_id)


def _same_id(found: object, expected: int | None) -> bool:
    return type(found) is int and found == expected


def _decode(data: bytes) -> Message | None:
    try:
        return decode_message(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
