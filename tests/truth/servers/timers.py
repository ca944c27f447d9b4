"""Something done at a moment of the monotonic clock, to within some hundredths of a millisecond.

asyncio's own timers count whole milliseconds (epoll does), so a delay of 5 ms would be one of 5.5 ms on average, and
theory would be missed by the server, not by who measures it. A timer of the kernel's (timerfd, Linux) rings at the
earliest of all moments; elsewhere asyncio's own must do.

What it does not know: when a busy machine lets this process run. So servers note when they answered, and experiments put
that beside theory.
"""

import asyncio
import ctypes
import heapq
import os
import sys
import time
from collections.abc import Callable
from itertools import count

NS_PER_S = 1_000_000_000
_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1
_TIMER_SLACK = 29  # prctl: how late the kernel may ring, to save power


class Timers:
    """What is to be done, and when."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = count()
        self._fd = -1
        if sys.platform == "linux":
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._libc.prctl(_TIMER_SLACK, 1, 0, 0, 0)
            self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
            loop.add_reader(self._fd, self._rings)

    def at(self, moment_ns: int, do: Callable[[], None]) -> None:
        """Do it then; at once, when the moment is over."""
        first = not self._waiting or moment_ns < self._waiting[0][0]
        heapq.heappush(self._waiting, (moment_ns, next(self._numbers), do))
        if first:
            self._wind()

    def _wind(self) -> None:
        moment_ns = self._waiting[0][0]
        if self._fd < 0:
            self._loop.call_later(max(0, moment_ns - time.monotonic_ns()) / NS_PER_S, self._due)
            return
        # interval (none), then the time: two pairs of seconds and nanoseconds; a time that is over rings at once
        setting = (ctypes.c_long * 4)(0, 0, *divmod(max(1, moment_ns), NS_PER_S))
        self._libc.timerfd_settime(self._fd, _ABSOLUTE, setting, None)

    def _rings(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return
        self._due()

    def _due(self) -> None:
        while self._waiting and self._waiting[0][0] <= time.monotonic_ns():
            heapq.heappop(self._waiting)[2]()
        if self._waiting:
            self._wind()
