"""Server-sent events, incrementally: bytes in any pieces to the data of whole events.

Lines end in LF, CR or CRLF; several `data:` lines join with LF; comments and unknown fields are passed over; a
byte-order mark at the start is dropped. Only events called `message` (or not named) count: clients pass over
others. An event without data (a priming event) is no event, nor is one that the stream's end cuts off before
its empty line.
The unfinished event is bounded: beyond `limit_bytes` it raises `TooLargeError`.
"""

from collections.abc import Iterator
from typing import Final

MARK: Final = b"\xef\xbb\xbf"


class TooLargeError(ValueError):
    """An event grew beyond the bound."""


class Parser:
    """One stream."""

    __slots__ = ("_after_cr", "_began", "_data", "_limit_bytes", "_line", "_name", "_size")

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._line = bytearray()  # it has no end yet
        self._data: list[bytes] = []
        self._name = b""
        self._size = 0  # of both
        self._began = False
        self._after_cr = False

    @property
    def inside_event(self) -> bool:
        """Whether an event has begun that has not ended."""
        return bool(self._line or self._data)

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The data of every event that these bytes complete."""
        if not self._began:
            chunk = self._begin(chunk)
        if self._after_cr and chunk:  # the CR ended its line; this LF belongs to it
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        for line in chunk.splitlines(keepends=True):  # of bytes: at LF, CR and CRLF only
            if line[-1] not in b"\r\n":
                self._line += line
                self._grow(len(line))
                continue
            whole = line.rstrip(b"\r\n")
            if self._line:
                self._size -= len(self._line)
                whole = bytes(self._line + whole)
                self._line.clear()
            if whole:
                self._take(whole)
            elif (data := self._end_of_event()) is not None:
                yield data
        self._after_cr = chunk.endswith(b"\r") or (self._after_cr and not chunk)

    def _begin(self, chunk: bytes) -> bytes:
        """Drop a byte-order mark, which may come in pieces."""
        start = bytes(self._line + chunk)
        self._line.clear()
        if len(start) < len(MARK) and MARK.startswith(start):
            self._line += start
            return b""
        self._began = True
        return start.removeprefix(MARK)

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            value = value.removeprefix(b" ")
            self._data.append(value)
            self._grow(len(value) + 1)
        elif name == b"event":
            self._name = value.removeprefix(b" ")

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > self._limit_bytes:
            raise TooLargeError

    def _end_of_event(self) -> bytes | None:
        data, name = b"\n".join(self._data), self._name
        self._data, self._name, self._size = [], b"", 0
        return data if data.strip() and name in {b"", b"message"} else None
