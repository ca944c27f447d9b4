"""Parses the bytes of one connection into HTTP responses, by llhttp; the current exchange interprets them.

Headers are bounded, and so is everything else that is not body (64 KB between two pieces of body). A second
response to one request is a protocol error: nothing on that connection can be trusted any more.
It and llhttp's parser refer to each other and keep the reply in memory: `let_go` breaks the cycle at the
connection's end, since the garbage collector runs too seldom.
"""

from typing import Protocol

import httptools

from harness.mcp import compressed, outcome
from harness.mcp.messages import Reply

BETWEEN_BODY_BYTES_MAX = 65_536


class Receiver(Protocol):
    """Receives the parts of a response: an exchange, or a stream."""

    reply: Reply | None

    def head(self, status: int, content_type: str, session_id: str | None) -> None: ...
    def body(self, chunk: bytes) -> bool: ...
    def end(self) -> Reply: ...
    def fail(self, failed: str, detail: str) -> Reply: ...


class _Nobody:
    """Discards a response."""

    reply: Reply | None = Reply("")

    def head(self, status: int, content_type: str, session_id: str | None) -> None:
        """Do nothing."""

    def body(self, chunk: bytes) -> bool:
        del chunk
        return True

    def end(self) -> Reply:
        assert self.reply is not None
        return self.reply

    def fail(self, failed: str, detail: str) -> Reply:
        del failed, detail
        return self.end()


NOBODY = _Nobody()
ENDED = httptools.HttpResponseParser(NOBODY)


class Incoming:
    """The parser's callbacks for one connection; they pass responses on to the current exchange."""

    __slots__ = (
        "_encoding",
        "_no_body",
        "_parser",
        "_session_id",
        "_type",
        "_unpacked",
        "complete",
        "exchange",
        "framed",
        "keep_alive",
        "retry_after",
        "status",
    )  # fmt: skip

    exchange: Receiver

    def __init__(self) -> None:
        self.framed = False  # the head says where the body ends; otherwise the connection's end does
        self.retry_after = ""
        self._type = self._encoding = ""
        self._unpacked: compressed.Body | None = None
        self._session_id: str | None = None
        self._parser = httptools.HttpResponseParser(self)
        self.exchange = NOBODY

    def begin(self, exchange: Receiver) -> None:
        """Expect a response for this exchange."""
        self.exchange = exchange
        self.complete = False
        self.keep_alive = False
        self.status = 0
        self._no_body = 0

    def done(self) -> None:
        """Forget the exchange: no response is expected."""
        self.exchange = NOBODY

    def let_go(self) -> None:
        """Release the parser and the exchange: no more bytes will come."""
        self.exchange = NOBODY
        self._parser = ENDED

    def feed(self, data: bytes) -> None:
        self._no_body += len(data)
        self._parser.feed_data(data)
        if self._no_body > BETWEEN_BODY_BYTES_MAX:
            raise httptools.HttpParserError("headers of more than 64 KB")

    def on_message_begin(self) -> None:
        if self.complete:  # a second response: nothing here can be trusted any more
            raise httptools.HttpParserError("more than one response")
        # The headers of a 1xx response do not belong to the final one.
        self.framed, self._type, self._session_id, self.retry_after, self._encoding = False, "", None, "", ""

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) == 12 and name.lower() == b"content-type":
            self._type = value.decode("latin-1")
        elif len(name) == 14 and name.lower() == b"mcp-session-id":
            self._session_id = value.decode("latin-1")
        elif len(name) == 11 and name.lower() == b"retry-after":
            self.retry_after = value.decode("latin-1")
        elif len(name) == 16 and name.lower() == b"content-encoding":
            self._encoding = value.decode("latin-1")
        elif len(name) in {14, 17} and name.lower() in {b"content-length", b"transfer-encoding"}:
            self.framed = True

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:
            self.status = status
            self.exchange.head(status, self._type, self._session_id)
            self._unpacked = self._packed() if self._encoding else None

    def on_body(self, body: bytes) -> None:
        self._no_body = 0
        if self._unpacked is None:
            self.exchange.body(body)
            return
        try:
            self._unpacked.feed(body, self.exchange)
        except compressed.CompressedError as error:  # llhttp would call it an error of its own
            self.exchange.fail(outcome.BAD_BODY, str(error))

    def _packed(self) -> compressed.Body | None:
        try:
            return compressed.body(self._encoding)
        except compressed.CompressedError as error:
            self.exchange.fail(outcome.BAD_BODY, str(error))
            return None

    def on_message_complete(self) -> None:
        if self.status:
            self.complete = True
            self.keep_alive = self._parser.should_keep_alive()
            self.exchange.end()
