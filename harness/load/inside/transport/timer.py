"""Waiting for a moment on the monotonic clock, to within some hundredths of a millisecond.

A sleeping greenlet is woken by its loop's timer, which counts whole milliseconds: half of one late on average, which
would be a part of every response time of an open load. A timer of the kernel (timerfd, Linux) wakes it in
time; elsewhere the loop's own is used. An `Alarm` serves one greenlet; with `sleep` many greenlets share one.
"""

import ctypes
import os
import sys
import time
from heapq import heappop, heappush
from itertools import count
from typing import Any

import gevent
from gevent.hub import Waiter

_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1
NS_PER_S = 1_000_000_000
_ALARMS = "harness_alarms"


class Alarm:
    """One greenlet's alarm clock."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
        self._fd = (
            self._libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC) if self._libc else -1
        )
        self.rings: Any = gevent.get_hub().loop.io(self._fd, 1) if self._fd >= 0 else None

    def sleep_until(self, at_ns: int) -> None:
        """Sleep until that time of `time.monotonic_ns()`; if it has passed, let other greenlets run once."""
        now_ns = time.monotonic_ns()
        if at_ns <= now_ns:
            gevent.sleep(0)
            return
        if self.rings is None or self._libc is None:
            gevent.sleep((at_ns - now_ns) / NS_PER_S)
            return
        self.set(at_ns)
        gevent.get_hub().wait(self.rings)
        self.silence()

    def set(self, at_ns: int) -> None:
        """Set the alarm, replacing the earlier time; it rings at once if that time has passed."""
        assert self._libc is not None
        # interval (none), then the time: two pairs of seconds and nanoseconds
        setting = (ctypes.c_long * 4)(0, 0, *divmod(max(at_ns, 1), NS_PER_S))
        self._libc.timerfd_settime(self._fd, _ABSOLUTE, setting, None)

    def silence(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Close the timer; idempotent."""
        if self.rings is not None:
            self.rings.close()
            os.close(self._fd)
            self.rings, self._fd = None, -1


class Alarms:
    """One timer for all greenlets that sleep on a hub: a thousand users need no thousand timers."""

    def __init__(self, hub: Any) -> None:
        self._alarm = Alarm()
        self._hub = hub
        self._sleeping: list[
            tuple[int, int, Any]
        ] = []  # wake-up time first; waking a greenlet that was killed has no effect
        self._numbers = count()

    def sleep(self, seconds: float) -> None:
        at_ns = time.monotonic_ns() + int(seconds * NS_PER_S)
        rings = self._alarm.rings
        if rings is None:
            gevent.sleep(seconds)
            return
        waiter = Waiter(self._hub)
        heappush(self._sleeping, (at_ns, next(self._numbers), waiter))
        if self._sleeping[0][0] == at_ns:
            self._alarm.set(at_ns)
            if not rings.active:
                rings.start(self._ring)
        waiter.get()

    def _ring(self) -> None:
        """Wake the greenlets that are due; this runs in the hub, and each runs until it waits again."""
        self._alarm.silence()
        while self._sleeping and self._sleeping[0][0] <= time.monotonic_ns():
            heappop(self._sleeping)[2].switch(None)
        if self._sleeping:
            self._alarm.set(self._sleeping[0][0])
        elif self._alarm.rings.active:
            self._alarm.rings.stop()


def sleep(seconds: float) -> None:
    """Sleep like `gevent.sleep`, to within some hundredths of a millisecond."""
    hub = gevent.get_hub()
    alarms = hub.__dict__.get(_ALARMS)
    if alarms is None:
        alarms = hub.__dict__[_ALARMS] = Alarms(hub)
    alarms.sleep(seconds)
