"""Waiting for a moment on the monotonic clock, to within some hundredths of a millisecond.

A sleeping greenlet is woken by its loop's timer, which counts whole milliseconds: half of one late on average, which
would be a part of every response time of an open load. A timer of the kernel's (timerfd, Linux) wakes it in time;
elsewhere the loop's own must do.
"""

import ctypes
import os
import sys
import time
from typing import Any

import gevent

_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1
NS_PER_S = 1_000_000_000


class Alarm:
    """One greenlet's alarm clock."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
        self._fd = (
            self._libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC) if self._libc else -1
        )
        self._rings: Any = gevent.get_hub().loop.io(self._fd, 1) if self._fd >= 0 else None

    def sleep_until(self, at_ns: int) -> None:
        """Until that time of `time.monotonic_ns()`; when it is over, until the others have had their turn."""
        now_ns = time.monotonic_ns()
        if at_ns <= now_ns:
            gevent.sleep(0)
            return
        if self._rings is None or self._libc is None:
            gevent.sleep((at_ns - now_ns) / NS_PER_S)
            return
        # interval (none), then the time: two pairs of seconds and nanoseconds
        setting = (ctypes.c_long * 4)(0, 0, *divmod(at_ns, NS_PER_S))
        self._libc.timerfd_settime(self._fd, _ABSOLUTE, setting, None)
        gevent.get_hub().wait(self._rings)
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Idempotent."""
        if self._rings is not None:
            self._rings.close()
            os.close(self._fd)
            self._rings, self._fd = None, -1
