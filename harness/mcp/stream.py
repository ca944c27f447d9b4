"""A stream of events that a server keeps open: replies to posted requests, and requests of the server.

    GET -> 200, text/event-stream -> event: endpoint (HTTP+SSE only) -> messages, for as long as it is open

- A late reply to a call that was given up is ignored; any other id that is not ours is an `id_mismatch`.
- If the stream ends, so does the current call: `stream_ended` when it ended cleanly, else `truncated`.
- An endpoint on another server is refused, because requests may hold secrets.
- An event is bounded (16 MB). The stream as a whole is not: it may last as long as a run.
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import urljoin, urlsplit, urlunsplit

import msgspec

from harness.foundation.addresses import unix_socket
from harness.mcp import outcome, sse
from harness.mcp.dialects.handshake import LISTENING
from harness.mcp.exchange import ASKED_MAX, BODY_BYTES_MAX, LAST_EVENT_ID, NO_ROOM, RETRY_S
from harness.mcp.judge import judge_refusal, judge_response, printable
from harness.mcp.messages import Message, Reply, Request, parse
from harness.mcp.reply_memory import NoRoomError

ENDPOINT: Final = b"endpoint"
WANTED: Final = sse.MESSAGES | {ENDPOINT}
ACKNOWLEDGED: Final = "notifications/subscriptions/acknowledged"
NO_STREAM: Final = 405  # not an error: the server has nothing to say
REFUSAL_BYTES_MAX: Final = 65_536
ENDPOINT_BYTES_MAX: Final = 8_192
OPENING: Final = Request("session/stream", b"", LISTENING, None, "GET", in_session=True)


class Stream:
    """The state of one open stream (a GET); `on_news` is called whenever it changes."""

    __slots__ = (
        "_events", "_expected", "_names_session", "_on_news", "_refusal", "_status", "_url", "acknowledged", "asked", "ended", "endpoint",
        "opened", "reply",
    )  # fmt: skip

    def __init__(self, url: str, on_news: Callable[[], object], *, names_session: bool = False) -> None:
        self._url = url
        self._names_session = names_session  # a 404 means that the session is lost
        self._on_news = on_news
        self._events = sse.Parser(BODY_BYTES_MAX, WANTED)
        self._status = 0
        self._refusal = bytearray()
        self._expected: int | None = None
        self.opened = False
        self.acknowledged = False  # the server has said what it will tell (subscriptions/listen)
        self.endpoint: str | None = None  # where messages are posted
        self.asked: list[Message] = []  # requests of the server, to be answered
        self.reply: Reply | None = None  # the reply to the current call
        self.ended: Reply | None = None  # why the stream ended, or could not be opened

    @property
    def got_head(self) -> bool:
        return self._status != 0

    @property
    def retry_s(self) -> float:
        """Seconds to wait before that request."""
        return RETRY_S if self._events.retry_ms is None else self._events.retry_ms / 1000

    def resumption(self, request: Request) -> Request:
        """The request that resumes this stream where it ended."""
        if not self._events.last_id:
            return request
        kept = tuple(line for line in request.headers if line[0] != LAST_EVENT_ID)
        return msgspec.structs.replace(request, headers=(*kept, (LAST_EVENT_ID, self._events.last_id)))

    def expect(self, number: int | None) -> None:
        """Begin a call; its answer may arrive at once."""
        self._expected = number
        self.reply = self.ended

    def taken(self) -> Reply | None:
        """Return the reply to the current call and keep no reference to it, because it may be large."""
        reply, self.reply = self.reply, None
        return reply

    def head(self, status: int, content_type: str, session_id: str | None) -> None:
        """Take the status line and the relevant headers."""
        del session_id
        self._status = status
        self.opened = status == 200 and content_type.lower().startswith("text/event-stream")
        self._on_news()

    def body(self, chunk: bytes) -> bool:
        """Take a piece of the stream; returns true when no more bytes are wanted."""
        if self.ended is not None:
            return True
        if not self.opened:
            self._refusal += chunk[: REFUSAL_BYTES_MAX - len(self._refusal)]
            return False
        try:
            for data in self._events.feed(chunk):
                self._take(data)
        except sse.TooLargeError:
            self._end_as(outcome.BAD_BODY, "event of more than 16 MB")
        except NoRoomError:
            self._end_as(outcome.NOT_HELD, NO_ROOM)
        self._on_news()
        return self.ended is not None

    def end(self, *, closed: bool = False) -> Reply:
        """Take the end of the stream; `closed`: the connection closed with it."""
        if self.ended is not None:
            return self.ended
        if not self.opened and self._status == 200:
            self._refused_inside()
        elif not self.opened:
            self._finish(
                judge_refusal(self._refusal, None, self._status, None, in_session=self._names_session)
            )
        elif closed and self._events.inside_event:
            self._end_as(outcome.TRUNCATED, "closed in the middle of an event")
        else:
            self._end_as(outcome.STREAM_ENDED, "the stream ended")
        return self._told()

    def fail(self, failed: str, detail: str) -> Reply:
        """End with a transport error."""
        if self.ended is None:
            self._end_as(failed, detail)
        return self._told()

    def let_go(self) -> None:
        """Release the bytes of an unfinished event: no more bytes will come."""
        self._events.let_go()
        self._refusal.clear()

    def _told(self) -> Reply:
        assert self.ended is not None
        self._on_news()
        return self.ended

    def _refused_inside(self) -> None:
        """Take a refusal with status 200: an error of JSON-RPC, such as that there are too many streams."""
        message = parse(self._refusal)
        if message is not None and message.error and type(message.id) is int:
            self._finish(judge_response(message, message.id, self._status, None))
        else:
            self._end_as(outcome.BAD_BODY, "no stream of events")

    def _end_as(self, ended: str, detail: str) -> None:
        self._finish(Reply(ended, printable(detail), self._status or None))

    def _finish(self, ended: Reply) -> None:
        """End the current call, because its stream has ended."""
        self.ended = ended
        self.reply = self.reply or ended
        self.let_go()

    def _take(self, data: bytes | bytearray) -> None:
        if self._events.name == ENDPOINT:
            if self.endpoint is None:
                self._learn_endpoint(data)
            return
        message = parse(data)
        if message is None:
            if self._expected is not None and self.reply is None:
                self.reply = Reply(outcome.BAD_BODY, "not JSON-RPC", self._status)
        elif not isinstance(message.method, msgspec.UnsetType):
            self.acknowledged = self.acknowledged or message.method == ACKNOWLEDGED
            if message.asks and len(self.asked) < ASKED_MAX:
                self.asked.append(message)
        elif self._expected is not None and self.reply is None and not self._given_up(message):
            self.reply = judge_response(message, self._expected, self._status, None)

    def _learn_endpoint(self, data: bytes | bytearray) -> None:
        if len(data) > ENDPOINT_BYTES_MAX:
            self._end_as(outcome.BAD_BODY, "an endpoint of more than 8 KB")
            return
        named = ""
        try:
            own = unix_socket.plain(self._url)
            named = urljoin(own, data.decode(errors="replace").strip())
            same = urlsplit(named)[:2] == urlsplit(own)[:2]
            if own != self._url:
                named = urlunsplit(urlsplit(self._url)[:2] + urlsplit(named)[2:])
        except ValueError:
            same = False
        if same:
            self.endpoint = named
        else:
            self._end_as(outcome.BAD_BODY, "the endpoint is at another server")

    def _given_up(self, message: Message) -> bool:
        return self._expected is not None and type(message.id) is int and 0 < message.id < self._expected
