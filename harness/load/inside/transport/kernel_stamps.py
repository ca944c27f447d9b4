"""When bytes came in, by the kernel's own time stamp, and what this process added to the calls that it measures.

    ready -----late----- sent ......... the server ......... in the kernel -----held----- known
          |  generator  |              service time         |          generator          |
          |                  response time                  |

The kernel notes when the bytes of a connection came in (SO_TIMESTAMPNS, Linux): then a call is done. The time
from then until its user knows of it is no part of the response time, whatever the reason for it: other users' replies, the
scheduler, a processor that is not free. It delays the user's next call, and so counts against throughput.
The time between the moment a user is ready and the moment its call is sent is part of the response time.

Every read asks for its stamp, which costs half a microsecond. One call in `each` is sampled at random: all
while they are few, about `AIM` between two blocks when there are more. Sampled calls that were sent
noticeably late are listed one by one, the others as a mean. TLS and other platforms have no stamps: there a
call is done when it was read, and how long its reply waited in the kernel is unknown, which is not zero.
Each process has one `sampling`.
"""

import random
import socket
import sys
import time
from struct import Struct
from typing import Any

import msgspec

from harness.run_directory.schema import NULL

AIM = 250  # samples between two blocks
READ_MOST = 50  # delays of reading that a block lists one by one
NOTICEABLE_NS = 250_000
LOOK_AGAIN = 1_000  # calls, while nothing is sampled
SO_TIMESTAMPNS = 35
_STAMP = Struct("@ll")  # seconds, nanoseconds: struct timespec
_ROOM = socket.CMSG_SPACE(_STAMP.size) if hasattr(socket, "CMSG_SPACE") else 0


class SampledTimes(msgspec.Struct, frozen=True, kw_only=True):
    """The times that were sampled since the last block of the spool (`Gauges` explains each)."""

    read_ms: list[float]
    held_us: float | None
    added_each: int
    added: list[int]
    added_others_us: float | None


class Sampling:
    """The samples since they were last asked for."""

    def __init__(self, *, is_on: bool = False) -> None:
        self.is_on = is_on  # under plain `locust -f` nothing reads the samples
        self.each = 1
        self.skip = 0  # calls until the next one that is sampled
        self._asked = 0
        self._stamped = 0
        self._held_ns = 0
        self._held_ms: list[float] = []
        self._listed: list[tuple[int, int]] = []
        self._others = 0
        self._others_ns = 0

    def add(self, done_ns: int, late_ns: int, held_ns: int) -> None:
        """Add an ok call: how late it was sent, and how long its reply waited for us (NULL: unknown)."""
        self.skip = random.randrange(2 * self.each - 1) if self.each > 1 else 0
        self._asked += 1
        if held_ns == NULL:
            return
        self._stamped += 1
        self._held_ns += held_ns
        if len(self._held_ms) < READ_MOST:
            self._held_ms.append(round(held_ns / 1e6, 3))
        if late_ns >= NOTICEABLE_NS:
            self._listed.append((done_ns, late_ns))
        else:
            self._others += 1
            self._others_ns += late_ns

    def beside(self, done_ns: int, late_ns: int, held_ns: int) -> int:
        """Add a call of a line that repeats, which counts by itself; return how many it skips until the next."""
        if not self.is_on:
            return LOOK_AGAIN
        own = self.skip
        self.add(done_ns, late_ns, held_ns)
        skip, self.skip = self.skip, own
        return skip

    def times(self, at_ns: int) -> SampledTimes:
        """Return the samples since the last call of this; times of calls count backwards from `at_ns`."""
        sampled = SampledTimes(
            read_ms=self._held_ms,
            held_us=round(self._held_ns / self._stamped / 1000, 1) if self._stamped else None,
            added_each=self.each if self._stamped or not self._asked else 0,
            added=[number for done, added in self._listed for number in (at_ns - done, round(added / 1000))],
            added_others_us=round(self._others_ns / self._others / 1000, 1) if self._others else None,
        )
        self.each = max(1, round(self._asked * self.each / AIM))
        self._asked = self._stamped = self._others = self._others_ns = self._held_ns = 0
        self._held_ms, self._listed = [], []
        return sampled


sampling = Sampling()


class TimestampedSocket:
    """A socket that knows for each read how long ago its bytes came in."""

    __slots__ = ("_receive", "held_ns", "send", "tells")
    waits = False

    def __init__(self, sock: Any) -> None:
        self.send = sock.send
        self._receive = sock.recvmsg
        self.held_ns = 0  # how long before the last read its bytes came in
        self.tells = False  # whether that read had a stamp: the kernel begins a moment late

    def recv(self, size: int) -> bytes:
        """Read without waiting."""
        data, notes, _, _ = self._receive(size, _ROOM)
        now_ns = time.time_ns()
        for level, kind, note in notes:
            if (level, kind, len(note)) == (socket.SOL_SOCKET, SO_TIMESTAMPNS, _STAMP.size):
                seconds, nanoseconds = _STAMP.unpack(note)
                self.held_ns = now_ns - seconds * 1_000_000_000 - nanoseconds
                self.tells = True
                return data  # type: ignore[no-any-return]
        self.tells = False
        return data  # type: ignore[no-any-return]


class PlainSocket:
    """A socket without time stamps; `waits`: a read waits for data by itself."""

    __slots__ = ("held_ns", "recv", "send", "tells", "waits")

    def __init__(self, sock: Any, *, waits: bool = False) -> None:
        self.send, self.recv, self.waits = sock.send, sock.recv, waits
        self.held_ns, self.tells = 0, False


def stamped(sock: Any) -> TimestampedSocket | PlainSocket:
    """Return the socket, wrapped so that reads have the kernel's time stamps where there are any."""
    return TimestampedSocket(sock) if _can(sock) else PlainSocket(sock)


def _can(sock: Any) -> bool:
    if sys.platform != "linux" or not hasattr(sock, "recvmsg"):
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True
