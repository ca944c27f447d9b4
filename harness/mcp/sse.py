"""Server-sent events, incrementally: bytes in any pieces to the data of whole events.

Lines end in LF, CR or CRLF; several `data:` lines join with LF; comments and unknown fields are passed over; a
byte-order mark at the start is dropped. An event without data (a priming event) is no event.
The unfinished event is bounded: beyond `limit_bytes` it raises `TooLargeError`.
"""

from collections.abc import Iterator


class TooLargeError(ValueError):
    """An event grew beyond the bound."""


class Parser:
    """One stream."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._pending = b""
        self._data: list[bytes] = []
        self._size = 0
        self._began = False
        self._after_cr = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The data of every event that these bytes complete."""
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        text = self._pending + chunk
        if not self._began and len(text) >= 3:
            self._began = True
            text = text.removeprefix(b"\xef\xbb\xbf")
        lines = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._pending = lines.pop()
        for line in lines:
            if line.startswith(b"data"):
                self._take(line)
            elif not line and self._data:
                yield b"\n".join(self._data)
                self._data, self._size = [], 0
        if self._size + len(self._pending) > self._limit_bytes:
            raise TooLargeError

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            value = value.removeprefix(b" ")
            self._size += len(value)
            if value or self._data:
                self._data.append(value)
