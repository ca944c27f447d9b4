"""Compressed bodies: Content-Encoding gzip and deflate are read, piece by piece and within bounds; of others it is said.

Nothing is asked for (no Accept-Encoding), unless the user gives that header; some servers and gateways compress
all the same. A small body can hold an endless one: no piece gives more than `PIECE_BYTES_MAX`, whatever it expands to, and what
it all comes to has the same bounds as any other body.
"""

import zlib
from typing import Final, Protocol

PIECE_BYTES_MAX: Final = 1_000_000
GZIP, DEFLATE, RAW_DEFLATE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
PLAIN: Final = frozenset({"", "identity"})
READ: Final = ("gzip", "deflate")
FRAME_BYTES: Final = 2


class Takes(Protocol):
    """Takes pieces of a body; true when it wants no more."""

    def body(self, chunk: bytes) -> bool: ...


class CompressedError(ValueError):
    """The body cannot be read; the message says why."""


class Body:
    """One compressed body."""

    def __init__(self, encoding: str) -> None:
        name = encoding.strip().lower().removeprefix("x-")
        if name not in READ:
            raise CompressedError(f"compressed with {name}, which is not read here; {' and '.join(READ)} are")
        self._name = name
        self._held = b""  # of deflate: what came before it can be told whether it has its frame
        self._inside = zlib.decompressobj(GZIP) if name == "gzip" else None

    def feed(self, chunk: bytes, receiver: Takes) -> bool:
        """Pass on what the piece holds; CompressedError when it is none of that."""
        if self._inside is None:
            chunk = self._held = self._held + chunk
            if len(chunk) < FRAME_BYTES:
                return False
            self._inside = zlib.decompressobj(DEFLATE if _is_frame(chunk) else RAW_DEFLATE)
        while chunk and not self._inside.eof:
            try:
                data = self._inside.decompress(chunk, PIECE_BYTES_MAX)
            except zlib.error:
                raise CompressedError(f"not {self._name}, as its head says") from None
            chunk = self._inside.unconsumed_tail
            if data and receiver.body(data):
                return True
        return False


def _is_frame(begins: bytes) -> bool:
    """Whether deflate has its frame (RFC 1950); many send it without."""
    return begins[0] & 0x0F == zlib.DEFLATED and int.from_bytes(begins[:FRAME_BYTES]) % 31 == 0


def body(encoding: str) -> Body | None:
    """What reads bodies of this Content-Encoding; None for a plain one."""
    return None if encoding.strip().lower() in PLAIN else Body(encoding)
