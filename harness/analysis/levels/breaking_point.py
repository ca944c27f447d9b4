"""The breaking point: the first level of a ramp whose success rate is below the limit, and stays below it.

    level      94.8 % of 115 calls: below 95 %
    again      93.9 %  \\
    again      95.6 %   } only these decide: Wald's sequential test, over all their calls
    again      92.2 %  /  broken

A level whose success rate reaches the limit is good. One that does not is run again, and its repeats decide, by
themselves: a level is repeated only because it looked bad, so its first run would tip the scale. After each repeat the
test asks which is more likely by all calls of the repeats: that the level fails six fifths of what the limit allows (6 %
for 95 %), or four fifths of it (4 %).

- *broken*: the first is 40 times as likely, and the success rate of the repeats is below the limit; or no call of a repeat
  was answered at all: its users were all waiting for a server that no longer answers.
- *good*: the second is twice as likely, and the repeats reach the limit. The first run was a passing trouble.
- Otherwise it is run once more, six times at most. Then it is broken, and not confirmed, when the first is still 20 times
  as likely; else the ramp goes on. The reason says so.

A level that clearly breaks needs one repeat, a level that is clearly good none. A ramp of ten levels of 115 calls and more
against a server that always fails 6 % breaks at least 95 times in 100, one of 4 % at most 5 times in 100 (simulated:
tests/analysis/levels/test_breaking_point.py). One that fails exactly what is allowed may break or not. Calls that fail together
(a stall) count as fewer (harness.analysis.statistics.correlation).

`last_good_users` is the highest good level before the break, so the server's limit lies above it, and not above the level
that broke. The conductor and whoever reads the run again decide with the same function, `weigh`.

Assumptions: levels come in the order in which they ran. This does not see a break by latency while every call
succeeds (harness.analysis.levels.knee), nor missed bounds of `break_unless` (harness.conduct.judging).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Final, Literal

from harness.analysis.levels.steps import Judged
from harness.foundation.units import show_percent
from harness.run_directory.results import BreakingPoint, StepResult

REPEATS_MOST: Final = 6
AWAY: Final = 0.2  # distance from the limit at which the test compares, as a share of the failures allowed
BROKEN_ODDS: Final = 40.0
GOOD_ODDS: Final = 2.0
ROUGHLY: Final = BROKEN_ODDS / 2

State = Literal["good", "broken", "open"]


@dataclass(frozen=True, slots=True)
class Level:
    """One judged run of a step of a ramp, and the limit that it had to reach."""

    users: int
    judged: Judged
    limit: float
    repeats: bool = False  # whether this run repeats the level before it


def broke(success_rate: float | None, limit: float) -> bool:
    """Whether a level with this success rate is below its limit."""
    return success_rate is None or success_rate < limit


def weigh(repeats: Sequence[Judged], limit: float) -> State:
    """The state of the sequential test after the repeats of a level so far."""
    if not repeats:
        return "open"
    if repeats[-1].answered_rate is None:
        return "broken"
    odds = _log_odds(repeats, limit)
    if broke(_rate(repeats), limit):
        return "broken" if odds >= log(BROKEN_ODDS) else "open"
    return "good" if odds <= -log(GOOD_ODDS) else "open"


def leans(repeats: Sequence[Judged], limit: float) -> bool:
    """Whether repeats that decided nothing still count as a break, when no more repeats are allowed."""
    return broke(_rate(repeats), limit) and _log_odds(repeats, limit) >= log(ROUGHLY)


def reason(runs: Sequence[Judged], limit: float) -> str:
    """Why a level is broken: by its last run, or by all its repeats."""
    if runs[-1].answered_rate is None:
        return "no call that began in the measured window was answered"
    repeats = runs[1:] or runs
    lost = sum(one.not_sent for one in repeats)
    over = f" over {len(repeats)} repeats" if len(repeats) > 1 else ""
    near = f", too near for {REPEATS_MOST} to confirm it" if _is_near(repeats, limit) else ""
    unsent = f" ({lost:,} arrivals were not sent)" if lost else ""
    return f"success rate {show_percent(_rate(repeats))}{over} is below {show_percent(limit)}{near}{unsent}"


def _is_near(repeats: Sequence[Judged], limit: float) -> bool:
    return len(repeats) >= REPEATS_MOST and weigh(repeats, limit) == "open"


def find(levels: Sequence[Level]) -> BreakingPoint | None:
    """The first break that was not taken back by its repeats."""
    good: int | None = None
    position = 0
    while position < len(levels):
        level = levels[position]
        position += 1
        repeats = []
        while position < len(levels) and levels[position].repeats:
            repeats.append(levels[position].judged)
            position += 1
        # Where a bound was missed in its first run, the level was repeated, too.
        decides = (
            repeats[-1] if repeats and not broke(level.judged.answered_rate, level.limit) else level.judged
        )
        if not broke(decides.answered_rate, level.limit):
            good = max(good or 0, level.users)
            continue
        state = settled(repeats, level.limit, went_on=position < len(levels))
        if state != "good":
            why = reason([level.judged, *repeats], level.limit)
            return BreakingPoint(
                users=level.users, last_good_users=good, reason=why, confirmed=state == "broken"
            )
        good = max(good or 0, level.users)
    return None


def settled(repeats: Sequence[Judged], limit: float, *, went_on: bool) -> State:
    """The final word on a level; `open`: a break that was not confirmed. `went_on`: the ramp continued."""
    state = weigh(repeats, limit)
    if state != "open" or not repeats:
        return state
    if len(repeats) >= REPEATS_MOST:
        return "open" if leans(repeats, limit) else "good"
    # In a run of an earlier version, or one that was cut off, the last repeat decides.
    return "good" if went_on or not broke(repeats[-1].answered_rate, limit) else "open"


def _rate(runs: Sequence[Judged]) -> float:
    asked = sum(_asked(one) for one in runs)
    return sum(one.ok for one in runs) / asked if asked else 0.0


def _asked(run: Judged) -> int:
    return run.ok + run.failed + run.not_sent


def _log_odds(runs: Sequence[Judged], limit: float) -> float:
    """How much likelier six fifths of the allowed failures are than four fifths, as a logarithm."""
    allowed = 1 - limit
    if allowed >= 1:
        return float("-inf")
    less, more = allowed * (1 - AWAY), min(allowed * (1 + AWAY), (1 + allowed) / 2)
    if less <= 0:  # nothing may fail: a single failure is certain
        return float("inf") if any(one.ok < _asked(one) for one in runs) else float("-inf")
    failure, success = log(more / less), log((1 - more) / (1 - less))
    return sum(_weight(one) * ((_asked(one) - one.ok) * failure + one.ok * success) for one in runs)


def _weight(run: Judged) -> float:
    """The share of its calls that counts, because calls that fail together are not independent."""
    asked = _asked(run)
    return min(1.0, run.worth / asked) if run.worth and asked else 1.0


def is_at(step: StepResult, breaking_point: BreakingPoint | None) -> bool:
    """Whether the run broke at the size of this step: its users, or its arrivals per second."""
    if breaking_point is None or step.kind == "sustain":
        return False
    if breaking_point.users is not None:
        return step.users == breaking_point.users
    return step.rate is not None and step.rate == breaking_point.at_rate
