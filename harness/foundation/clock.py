"""The clock, as an object that is passed in: no other module of the orchestrator reads the time.

All times of a run are nanoseconds of the monotonic clock since the run began (`RunClock`). Code that runs inside
Locust reads the monotonic clock itself, for speed, and subtracts the same zero.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from harness.foundation.units import NS_PER_S

DEAF_BEFORE = (3, 11, 3)
Said = TypeVar("Said")
AWAY_S = 2.0  # a time-out that fires this late means that this process was suspended


def within(seconds: float) -> asyncio.Timeout:
    """`asyncio.timeout` that also works in a task that is being cancelled, where faults are healed.

    Up to Python 3.11.2 (the version in Debian 12), a time-out in such a task is mistaken for the
    cancellation, and the steps that follow are skipped. The cancellation has been delivered by then, so it is
    taken off the task's count.
    """
    task = asyncio.current_task()
    if sys.version_info[:3] < DEAF_BEFORE and task is not None:
        while task.cancelling():
            task.uncancel()
    return asyncio.timeout(seconds)


async def in_time(hear: Callable[[], Awaitable[Said]], seconds: float) -> Said:
    """Wait at most `seconds` for the answer. If this process was suspended meanwhile, ask again."""
    loop = asyncio.get_running_loop()
    while True:
        asked_s = loop.time()
        try:
            async with within(seconds):
                return await hear()
        except TimeoutError:
            if loop.time() - asked_s < seconds + AWAY_S:
                raise


class Clock(Protocol):
    """The clock functions that the orchestrator needs."""

    def now_ns(self) -> int: ...
    def utc(self) -> datetime: ...
    def asleep_ns(self) -> int: ...
    async def sleep(self, seconds: float) -> None: ...


class RealClock:
    """The machine's own clock."""

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def utc(self) -> datetime:
        return datetime.now(UTC)

    def asleep_ns(self) -> int:
        """How long the machine has been asleep since it started; the monotonic clock does not count that."""
        if not hasattr(time, "CLOCK_BOOTTIME"):
            return 0
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(slots=True)
class FakeClock:
    """A clock that moves only when somebody sleeps on it: a test of a minute takes no time."""

    ns: int = 0
    started: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    slept_ns: int = 0

    def now_ns(self) -> int:
        return self.ns

    def utc(self) -> datetime:
        return self.started

    def asleep_ns(self) -> int:
        return self.slept_ns

    async def sleep(self, seconds: float) -> None:
        self.ns += max(0, int(seconds * NS_PER_S))
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class RunClock:
    """The time of one run: a clock, the instant on it that is the run's zero, and what a wall clock showed then."""

    clock: Clock
    origin_ns: int
    started_at: datetime

    @classmethod
    def of(cls, clock: Clock) -> "RunClock":
        """A clock whose zero is now."""
        return cls(clock, clock.now_ns(), clock.utc())

    def now_ns(self) -> int:
        """Nanoseconds since the run began."""
        return self.clock.now_ns() - self.origin_ns

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)
