"""The reply to one relayed request: where it ends, and what it says about a session."""

from typing import Final

import httptools

from harness.services.balancer.request_head import IN_ADDRESS, RequestHead
from harness.services.balancer.routing import Member, Router

FIRST_BYTES_MOST: Final = 4_096  # of an event stream, in which its first event names the session
SWITCHING, BAD_REQUEST, NOT_FOUND = 101, 400, 404


class Answer:
    """Reads along; it is the callbacks of the parser, too."""

    def __init__(self, head: RequestHead, member: Member, router: Router) -> None:
        self.complete = False
        self.joined = False  # after 101: bytes in both directions
        self.has_no_end = False  # of its own: joined, or a stream of the server's messages
        self.keeps_alive = False
        self._head, self._member, self._router = head, member, router
        self._parser = httptools.HttpResponseParser(self)
        self._status = 0
        self._session = ""
        self._stream: bytearray | None = None  # the beginning of an event stream

    def feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.joined = self.has_no_end = True

    def on_message_begin(self) -> None:
        self._session, self._stream = "", None

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = name.lower()
        if lower == b"mcp-session-id":
            self._session = value.decode("latin-1")
        elif lower == b"content-type" and value.startswith(b"text/event-stream"):
            self.has_no_end = self._head.method == b"GET"
            self._stream = None if self._head.session else bytearray()

    def on_headers_complete(self) -> None:
        self._status = status = self._parser.get_status_code()
        if status == SWITCHING:
            self.joined = self.has_no_end = True
        elif status >= 200:
            self._note(status)
            if self._head.method == b"HEAD":
                self._end()

    def on_body(self, body: bytes) -> None:
        if self._stream is None:
            return
        self._stream += body
        named = IN_ADDRESS.search(bytes(self._stream))
        if named is not None:
            self._router.opened(named[1].decode("latin-1"), self._member)
        if named is not None or len(self._stream) > FIRST_BYTES_MOST:
            self._stream = None

    def on_message_complete(self) -> None:
        if self._status >= 200 and not self.complete:
            self._end()

    def _end(self) -> None:
        self.complete = True
        self.keeps_alive = self._parser.should_keep_alive()

    def _note(self, status: int) -> None:
        asked_for = self._head.session
        if self._session and not asked_for and status < 300:
            self._router.opened(self._session, self._member)
        elif asked_for and status in {BAD_REQUEST, NOT_FOUND}:
            self._router.gone(asked_for, self._member, certain=status == NOT_FOUND)
        elif asked_for and self._head.method == b"DELETE" and status < 300:
            self._router.closed(asked_for)
