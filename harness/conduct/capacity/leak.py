"""Does a server keep something of every session? Sessions come and go at a steady rate, and what it holds is read meanwhile.

The answer is `harness.conduct.capacity.growth`'s, for each thing that can be read. It is not trusted when the churn was not what was
asked for: more than a hundredth of the visits failed, or could not be made in time.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from harness.conduct.capacity.churn import PATTERNS, Call, Visits, churn
from harness.conduct.capacity.door import Door
from harness.conduct.capacity.growth import Growth, Reading, growth
from harness.foundation.clock import Clock
from harness.foundation.errors import FAILED, PASSED, UNKNOWN, TargetUnreachableError
from harness.foundation.units import NS_PER_S

LOOK_S: Final = 0.25
BAD_MOST: Final = 0.01
IN_A_ROW: Final = 50  # when so many have failed, one after the other, the rest is not made


@dataclass(frozen=True, slots=True)
class LeakRequest:
    """What to do, and how much growth is allowed: bytes of memory a session."""

    pattern: str
    call: Call
    rate_per_s: float
    for_s: float
    allowed_bytes: float


@dataclass(frozen=True, slots=True)
class LeakResult:
    """What was read, and what follows."""

    asked: LeakRequest
    visits: Visits
    took_s: float
    readings: dict[str, list[Reading]] = field(repr=False)
    grows: dict[str, Growth]
    why_unknown: str

    @property
    def leaking(self) -> list[str]:
        """The things that surely grow by more than is allowed."""
        allowed = {"memory": self.asked.allowed_bytes}
        return [
            name
            for name, grown in self.grows.items()
            if grown.word == "leaks" and grown.low > allowed.get(name, 0.0)
        ]

    @property
    def exit_code(self) -> int:
        if self.why_unknown:
            return UNKNOWN
        if self.leaking:
            return FAILED
        return UNKNOWN if any(one.word in {"undecided", "too_few"} for one in self.grows.values()) else PASSED


async def leak(
    door: Door, asked: LeakRequest, clock: Clock, progress: Callable[[float, Visits], None]
) -> LeakResult:
    """Make the visits and read; return what follows."""
    visits, readings = Visits(), dict[str, list[Reading]]()
    began_ns = clock.now_ns()
    coming = asyncio.ensure_future(
        churn(
            door,
            PATTERNS[asked.pattern],
            asked.call,
            rate_per_s=asked.rate_per_s,
            for_s=asked.for_s,
            clock=clock,
            visits=visits,
        )
    )
    try:
        while not coming.done():
            await asyncio.wait({coming}, timeout=LOOK_S)
            at_s = (clock.now_ns() - began_ns) / NS_PER_S
            for name, value in (door.held_by.read() if door.held_by else {}).items():
                readings.setdefault(name, []).append(Reading(at_s, visits.over, value))
            progress(at_s, visits)
            if visits.failed_in_a_row >= IN_A_ROW:
                break
        else:
            await coming
    finally:
        coming.cancel()
        await asyncio.wait({coming})
    if not visits.good:
        raise TargetUnreachableError(
            f"The first {visits.over} sessions failed, all of them",
            visits.failed.most_common(1)[0][0] if visits.failed else "None was over in time",
            "Try a single one: harness discover URL; or name a tool that works with --call",
        )
    took_s = (clock.now_ns() - began_ns) / NS_PER_S
    grows = {name: growth(series) for name, series in readings.items()}
    return LeakResult(asked, visits, took_s, readings, grows, _why_unknown(visits, readings, took_s))


def _why_unknown(visits: Visits, readings: dict[str, list[Reading]], took_s: float) -> str:
    if not readings:
        return "What the server holds cannot be read: its process is not known here. Name it with --pid, or --cgroup"
    if max(series[-1].at_s for series in readings.values()) < took_s - 5 * LOOK_S:
        return "The server's process ended during the churn"
    if visits.failed_in_a_row >= IN_A_ROW:
        return (
            f"After {visits.good} good sessions it refused all others: {visits.failed.most_common(1)[0][0]}"
        )
    asked = visits.made + visits.not_made
    if visits.not_made > BAD_MOST * asked:
        return f"{visits.not_made} of {asked} sessions could not be opened in time: lower --rate"
    failed = sum(visits.failed.values())
    if failed > BAD_MOST * asked:
        return f"{failed} of {asked} sessions failed, most often: {visits.failed.most_common(1)[0][0]}"
    return ""
