"""How long replies lay in the kernel before this process read them: the generator's own part of a latency.

The kernel notes when the bytes of a connection came in (SO_TIMESTAMPNS, Linux); read time minus that is what the
generator adds to every time it measures, whatever the reason: its own work, the scheduler, a processor that is not free.
Asking costs a few microseconds, so one connection in EACH_CONNECTION is asked, at one reading in EACH_READING. TLS and
other platforms give none: then nothing is known, which is not zero.

One for a process, as the clock that it compares with.
"""

import itertools
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Any

EACH_CONNECTION, EACH_READING = 16, 16
TAKEN_MAX = 500  # between two blocks
SO_TIMESTAMPNS = 35
_STAMP = Struct("@ll")  # seconds, nanoseconds: struct timespec
_ROOM = socket.CMSG_SPACE(_STAMP.size) if hasattr(socket, "CMSG_SPACE") else 0

_connections = itertools.count()
_delays_ms: list[float] = []


@dataclass(frozen=True, slots=True)
class Stamped:
    """A socket that is read with a look at the stamp now and then."""

    send: Callable[[bytes], int]
    recv: Callable[[int], bytes]


def stamped(sock: Any) -> Any:
    """The socket itself, or, one in so many, a `Stamped` one."""
    if next(_connections) % EACH_CONNECTION or not _can(sock):
        return sock
    return Stamped(sock.send, _reader(sock))


def _reader(sock: Any) -> Callable[[int], bytes]:
    plain: Callable[[int], bytes] = sock.recv
    readings = itertools.count()

    def read(size: int) -> bytes:
        if next(readings) % EACH_READING:
            return plain(size)
        data, notes, _, _ = sock.recvmsg(size, _ROOM)
        now_ns = time.time_ns()
        for level, kind, note in notes:
            if (level, kind, len(note)) == (socket.SOL_SOCKET, SO_TIMESTAMPNS, _STAMP.size):
                _take(now_ns, *_STAMP.unpack(note))
        return bytes(data)

    return read


def taken() -> list[float]:
    """The delays since this was last asked."""
    found = _delays_ms.copy()
    _delays_ms.clear()
    return found


def _can(sock: Any) -> bool:
    if sys.platform != "linux" or not hasattr(sock, "recvmsg"):
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True


def _take(now_ns: int, seconds: int, nanoseconds: int) -> None:
    delay_ms = (now_ns - seconds * 1_000_000_000 - nanoseconds) / 1e6
    if delay_ms >= 0 and len(_delays_ms) < TAKEN_MAX:  # a wall clock may be set
        _delays_ms.append(round(delay_ms, 3))
