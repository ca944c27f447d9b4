"""How far another machine's clock is from ours, by messages there and back.

    ours    ----sent-----------------------received---->
                    \\                     /
    theirs  ---------------told------------------------>

When `told` was read, ours stood somewhere between `sent` and `received`: so theirs - ours lies between
told - received and told - sent. Each exchange gives such an interval, all hold, and so does what they have in common:
its middle is the offset, half its width the error. Nothing is assumed about the way there and back being alike.

Over a run clocks drift apart. Times are converted by the offset from before it; what the one from after it says is
part of the error. What it does not know: whether a clock went wrong in between and came back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.foundation.units import NS_PER_MS


@dataclass(frozen=True, slots=True)
class ClockExchange:
    """One message there and back."""

    sent_ns: int
    told_ns: int
    received_ns: int


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """Add `ns` to a time of ours to have one of theirs; it is known to plus or minus `error_ns`."""

    ns: int
    error_ns: int


def measure(exchanges: Sequence[ClockExchange]) -> ClockOffset:
    """What all of them say together; clocks that moved meanwhile widen the error."""
    low = max(one.told_ns - one.received_ns for one in exchanges)
    high = min(one.told_ns - one.sent_ns for one in exchanges)
    return ClockOffset((low + high) // 2, (abs(high - low) + 1) // 2)


def error_ms(before: ClockOffset, after: ClockOffset) -> float:
    """How wrong a time can be that was converted by `before`, at any moment up to `after`."""
    return max(before.error_ns, abs(after.ns - before.ns) + after.error_ns) / NS_PER_MS
