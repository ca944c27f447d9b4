"""Server-sent events, incrementally: bytes in any pieces to the data of whole events.

Lines end in LF, CR or CRLF; several `data:` lines join with LF; comments and unknown fields are passed over; a
byte-order mark at the start is dropped. Only events called `message` (or not named) count, unless other names are
wanted. An event without data (a priming event) is no event, nor is one that the stream's end cuts off before
its empty line.
`last_id` and `retry_ms` are what a client that comes back is to say and to wait; an id that no header can carry is none.
The unfinished event is bounded, a byte counted for each line: beyond `limit_bytes` it raises `TooLargeError`. It takes no
more memory than that, in however small pieces it comes; what all streams hold together is bounded too (`held`).
"""

from collections.abc import Iterator
from typing import Final

from harness.mcp.reply_memory import joined

MARK: Final = b"\xef\xbb\xbf"
MESSAGES: Final = frozenset({b"", b"message"})
ID_BYTES_MAX: Final = 1_000  # of names too: what is longer is kept as one byte too long, which nothing is
FIELD_BYTES_MAX: Final = ID_BYTES_MAX + len(b"event: ") + 1
RETRY_DIGITS_MAX: Final = 9


class TooLargeError(ValueError):
    """An event is larger than the limit."""


class Parser:
    """The parser of one stream."""

    __slots__ = (
        "_after_cr", "_began", "_data", "_id", "_limit_bytes", "_line", "_name", "_size", "_wanted", "last_id", "name",
        "retry_ms",
    )  # fmt: skip

    def __init__(self, limit_bytes: int, wanted: frozenset[bytes] = MESSAGES) -> None:
        self._limit_bytes = limit_bytes
        self._wanted = wanted
        self._id = b""
        self.name = b""  # of the event that came last
        self.last_id = ""
        self.retry_ms: int | None = None
        self._line: bytes | bytearray = b""  # it has no end yet
        self._data: bytes | bytearray | None = None
        self._name = b""
        self._size = 0  # of both
        self._began = False
        self._after_cr = False

    @property
    def inside_event(self) -> bool:
        """Whether an event has begun and not ended."""
        return bool(self._line) or self._data is not None

    def let_go(self) -> None:
        """Release the unfinished event: no more bytes will come."""
        self._data, self._line = None, b""

    def feed(self, chunk: bytes) -> Iterator[bytes | bytearray]:
        """Take bytes; returns the data of each event that they complete."""
        if not self._began:
            chunk = self._begin(chunk)
        if self._after_cr and chunk:  # the CR ended its line; this LF belongs to it
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        for line in chunk.splitlines(keepends=True):  # of bytes: at LF, CR and CRLF only
            if line[-1] not in b"\r\n":
                self._line = joined(self._line, line)
                self._grow(len(line))
                continue
            whole: bytes | bytearray = line.rstrip(b"\r\n")
            if self._line:
                self._size -= len(self._line)
                whole, self._line = joined(self._line, whole), b""
            if whole:
                self._take(whole)
            elif (data := self._end_of_event()) is not None:
                yield data
        self._after_cr = chunk.endswith(b"\r") or (self._after_cr and not chunk)

    def _begin(self, chunk: bytes) -> bytes:
        """Drop a byte-order mark, which may come in pieces."""
        start, self._line = bytes(self._line) + chunk, b""
        if len(start) < len(MARK) and MARK.startswith(start):
            self._line = start
            return b""
        self._began = True
        return start.removeprefix(MARK)

    def _take(self, line: bytes | bytearray) -> None:
        if line.startswith(b"data:"):
            self._take_data(line, 6 if line.startswith(b"data: ") else 5)
            return
        if len(line) > FIELD_BYTES_MAX:
            line = line[:FIELD_BYTES_MAX]
        name, _, value = line.partition(b":")
        if name == b"event":
            self._name = bytes(value.removeprefix(b" "))
        elif name == b"id":
            self._id = bytes(value.removeprefix(b" "))
        elif name == b"retry" and (digits := value.removeprefix(b" ")).isdigit():
            self.retry_ms = int(digits[:RETRY_DIGITS_MAX])
        elif name == b"data":
            self._take_data(b"", 0)

    def _take_data(self, line: bytes | bytearray, start: int) -> None:
        self._grow(len(line) - start + 1)
        if self._data is None:
            self._data = line[start:] if isinstance(line, bytes) else _without(line, start)
            return
        self._data = joined(joined(self._data, b"\n"), memoryview(line)[start:])

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > self._limit_bytes:
            raise TooLargeError

    def _end_of_event(self) -> bytes | bytearray | None:
        data, name = self._data, self._name
        self._data, self._name, self._size = None, b"", 0
        if self._id:
            self._keep_id()
        self.name = name
        return data if data and name in self._wanted and not data.isspace() else None

    def _keep_id(self) -> None:
        if len(self._id) <= ID_BYTES_MAX and self._id.isascii() and (text := self._id.decode()).isprintable():
            self.last_id = text
        self._id = b""


def _without(line: bytearray, start: int) -> bytearray:
    """Remove the first bytes in place: a long line is not copied."""
    del line[:start]
    return line
