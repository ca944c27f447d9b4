"""What this process adds to the calls that it measures, sampled: with the kernel's own time stamps.

    ready -----late----- sent ......... the server ......... in the kernel -----late----- read

The kernel notes when the bytes of a connection came in (SO_TIMESTAMPNS, Linux). The time from then until they are read is
added by this process to what it measures, whatever the reason: its own work, the scheduler, a processor that is not free.
So is the time between the moment a user is ready and the moment its call is sent.

Asking costs a few microseconds, so one reading in `each` is asked, at random: all of them while they are few, some
`AIM` between two blocks when there are more. Calls to which little was added are told as a mean, the others one by one.
TLS and other platforms have no such stamp: then nothing is known, which is not zero.

One for a process, as the clock that it compares with.
"""

import random
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Any

from gevent import getcurrent

AIM = 250  # samples between two blocks
READ_MOST = 50  # delays of reading that a block tells one by one
NOTICEABLE_NS = 250_000
SO_TIMESTAMPNS = 35
_STAMP = Struct("@ll")  # seconds, nanoseconds: struct timespec
_ROOM = socket.CMSG_SPACE(_STAMP.size) if hasattr(socket, "CMSG_SPACE") else 0


class Sampling:
    """What was sampled since it was last told; `late` is what the calls that are not recorded yet have waited."""

    def __init__(self, *, is_on: bool = False) -> None:
        self.is_on = is_on  # nobody asks for what was sampled under plain `locust -f`
        self.each = 1
        self.skip = 0  # readings until the next one that is asked
        self.late: dict[Any, int] = {}  # by the greenlet that reads
        self.can = False  # whether any socket could be asked
        self._asked = 0
        self._stamped = 0
        self._read_ms: list[float] = []
        self._listed: list[tuple[int, int]] = []
        self._others = 0
        self._others_ns = 0

    def ask(self, sock: Any, size: int) -> bytes:
        """Read, with a look at the stamp."""
        self.skip = random.randrange(2 * self.each - 1) if self.each > 1 else 0
        self._asked += 1
        data, notes, _, _ = sock.recvmsg(size, _ROOM)
        now_ns = time.time_ns()
        for level, kind, note in notes:
            if (level, kind, len(note)) == (socket.SOL_SOCKET, SO_TIMESTAMPNS, _STAMP.size):
                seconds, nanoseconds = _STAMP.unpack(note)
                self._take(now_ns - seconds * 1_000_000_000 - nanoseconds)
        return bytes(data)

    def add(self, done_ns: int, added_ns: int) -> None:
        """A sampled call is done, and so much of its time was ours."""
        if added_ns >= NOTICEABLE_NS:
            self._listed.append((done_ns, added_ns))
        else:
            self._others += 1
            self._others_ns += added_ns

    def told(self, at_ns: int) -> dict[str, Any]:
        """The gauges of the time since this was last asked; times of calls are before `at_ns`."""
        found = {
            "read_ms": self._read_ms,
            "added_each": self.each if self.can and (self._stamped or not self._asked) else 0,
            "added": [
                number for done, added in self._listed for number in (at_ns - done, round(added / 1000))
            ],
            "added_others_us": round(self._others_ns / self._others / 1000, 1) if self._others else None,
        }
        self.each = max(1, round(self._asked * self.each / AIM))
        self._asked = self._stamped = self._others = self._others_ns = 0
        self._read_ms, self._listed = [], []
        self.late = {reader: ns for reader, ns in self.late.items() if not reader.dead}
        return found

    def _take(self, late_ns: int) -> None:
        if late_ns < 0:  # a wall clock may be set
            return
        self._stamped += 1
        self.late[getcurrent()] = late_ns
        if len(self._read_ms) < READ_MOST:
            self._read_ms.append(round(late_ns / 1e6, 3))


sampling = Sampling()


@dataclass(frozen=True, slots=True)
class Stamped:
    """A socket that is read with a look at the stamp now and then."""

    send: Callable[[bytes], int]
    recv: Callable[[int], bytes]


def stamped(sock: Any) -> Any:
    """The socket, to be read with a look at the stamp now and then; the socket itself where there are none."""
    if not (sampling.is_on and _can(sock)):
        return sock
    sampling.can = True
    return Stamped(sock.send, _reader(sock))


def _reader(sock: Any) -> Callable[[int], bytes]:
    plain: Callable[[int], bytes] = sock.recv
    counted = sampling

    def read(size: int) -> bytes:
        if counted.skip:
            counted.skip -= 1
            return plain(size)
        return counted.ask(sock, size)

    return read


def _can(sock: Any) -> bool:
    if sys.platform != "linux" or not hasattr(sock, "recvmsg"):
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True
