"""Send a spool from another machine: a stream of bytes over messages that may be lost, doubled or late.

    Outbox, where the rows are made                     Inbox, beside the run directory
    write(data)   kept until it is acknowledged
    due(now) -> [(offset, chunk)]        ----->         take(offset, chunk) -> what is new of it, in order
    acknowledged(offset)                 <-----         next: everything before this offset is written down

- A chunk is at most CHUNK_BYTES, and at most WINDOW_BYTES are on their way, so heartbeats on the same channel wait
  for little.
- What is not acknowledged for RESEND_NS is sent again, from the first byte that is missing.
- The outbox holds LIMIT_BYTES at most. Beyond that, a write raises an OSError; the recorder remembers it, and
  the run is unknown. No loss goes unnoticed, because blocks are numbered and have checksums.

This module knows nothing of clocks, sockets, files, or the meaning of the bytes.
"""

import errno
from dataclasses import dataclass, field

CHUNK_BYTES = 64 * 1024
WINDOW_BYTES = 8 * CHUNK_BYTES
LIMIT_BYTES = 64 * 1024 * 1024
RESEND_NS = 3_000_000_000


@dataclass(slots=True)
class Outbox:
    """The sending end."""

    limit_bytes: int = LIMIT_BYTES
    _held: bytearray = field(default_factory=bytearray)
    _start: int = 0  # the offset of the first byte held
    _sent: int = 0  # the offset of the first byte that was not sent yet, or is to be sent again
    _progress_ns: int = 0  # when the window last moved

    @property
    def is_empty(self) -> bool:
        return not self._held

    def write(self, data: bytes) -> None:
        """Take all of the data; on OSError, none of it."""
        if len(self._held) + len(data) > self.limit_bytes:
            raise OSError(errno.ENOBUFS, f"{len(self._held):,} bytes of rows wait to be taken by the master")
        self._held += data

    def close(self) -> None:
        """Do nothing: the data held is still to be sent."""

    def due(self, now_ns: int) -> list[tuple[int, bytes]]:
        """The chunks to send now."""
        if self._sent == self._start:
            self._progress_ns = now_ns
        elif now_ns - self._progress_ns >= RESEND_NS:
            self._sent, self._progress_ns = self._start, now_ns
        chunks = []
        while self._sent - self._start < min(WINDOW_BYTES, len(self._held)):
            at = self._sent - self._start
            chunk = bytes(self._held[at : min(at + CHUNK_BYTES, WINDOW_BYTES)])
            chunks.append((self._sent, chunk))
            self._sent += len(chunk)
        return chunks

    def acknowledged(self, offset: int, now_ns: int) -> None:
        """Drop the data before `offset`: the receiver has stored it. An older offset changes nothing."""
        if self._start < offset <= self._start + len(self._held):
            del self._held[: offset - self._start]
            self._start = offset
            self._sent = max(self._sent, offset)
            self._progress_ns = now_ns


@dataclass(slots=True)
class Inbox:
    """The receiving end."""

    next: int = 0

    def take(self, offset: int, data: bytes) -> bytes:
        """The new bytes of a chunk that follow what has arrived; empty after a gap (it is sent again)."""
        if offset > self.next:
            return b""
        fresh = data[self.next - offset :]
        self.next += len(fresh)
        return fresh
