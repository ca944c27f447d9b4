"""The difference between another machine's clock and ours, measured by messages there and back.

    ours    ----sent-----------------------received---->
                    \\                     /
    theirs  ---------------told------------------------>

When they read `told`, our clock was between `sent` and `received`: so theirs - ours lies between told -
received and told - sent. Each exchange gives such an interval, and the offset lies in all of them: the middle
of their intersection is the offset, half its width the error. The two ways need not take equally long.
Clocks drift apart during a run. Times are converted by the offset from before the run; its difference to the
offset after the run is part of the error. A clock that went wrong in between and came back is not noticed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.foundation.units import NS_PER_MS


@dataclass(frozen=True, slots=True)
class ClockExchange:
    """The times of one message there and back."""

    sent_ns: int
    told_ns: int
    received_ns: int


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """Add `ns` to our time to get theirs, to plus or minus `error_ns`."""

    ns: int
    error_ns: int


def measure(exchanges: Sequence[ClockExchange]) -> ClockOffset:
    """Return the offset from all exchanges; clocks that moved meanwhile widen the error."""
    low = max(one.told_ns - one.received_ns for one in exchanges)
    high = min(one.told_ns - one.sent_ns for one in exchanges)
    return ClockOffset((low + high) // 2, (abs(high - low) + 1) // 2)


def error_ms(before: ClockOffset, after: ClockOffset) -> float:
    """Return the largest error, in ms, of a time converted by `before`, up to the moment of `after`."""
    return max(before.error_ns, abs(after.ns - before.ns) + after.error_ns) / NS_PER_MS
