"""The breaking point: the first level of a ramp whose success rate is below the limit.

Definitions. A level is good when its success rate reaches the limit. A level in whose measured window no
call was decided is broken too: its users were all waiting for a server that no longer answers. When a broken
level is run again straight away, the second run decides: broken again, the break is confirmed; good, it was
a passing trouble and the ramp goes on. `last_good_users` is the highest good level before the break.

Assumptions: levels come in the order in which they ran. What it does not know yet: a break by latency
while every call succeeds (the knee).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.units import show_percent


@dataclass(frozen=True, slots=True)
class Level:
    """A step of a ramp, judged, and the limit that it was to reach."""

    users: int
    success_rate: float | None
    limit: float
    repeats: bool = False  # the level before it, run again


@dataclass(frozen=True, slots=True)
class BreakingPoint:
    """Where it broke, and how high it was still good (None: the first level broke)."""

    users: int
    last_good_users: int | None
    reason: str
    confirmed: bool


def broke(success_rate: float | None, limit: float) -> bool:
    """Whether a level with this success rate is broken."""
    return success_rate is None or success_rate < limit


def find(levels: Sequence[Level]) -> BreakingPoint | None:
    """The first break that was not taken back by a good repetition."""
    good: int | None = None
    for position, level in enumerate(levels):
        if not broke(level.success_rate, level.limit):
            good = max(good or 0, level.users)
            continue
        again = levels[position + 1] if position + 1 < len(levels) else None
        if again is None or not again.repeats:
            return BreakingPoint(level.users, good, _reason(level), confirmed=False)
        if broke(again.success_rate, again.limit):
            return BreakingPoint(level.users, good, _reason(again), confirmed=True)
    return None


def _reason(level: Level) -> str:
    if level.success_rate is None:
        return "no call that began in the measured window was answered"
    return f"success rate {show_percent(level.success_rate)} is below {show_percent(level.limit)}"


def is_at(row: Mapping[str, Any], found: Mapping[str, Any] | None) -> bool:
    """Whether a row of `steps` is the level at which the run broke: of users, or of arrivals a second."""
    if not found or row["kind"] == "sustain":
        return False
    if found["users"] is not None:
        return bool(row["users"] == found["users"])
    return row["rate"] is not None and row["rate"] == found.get("rate")
