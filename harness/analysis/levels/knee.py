"""The knee: the level from which on more users get longer waits instead of more answers.

Definitions. A level's power is its goodput divided by its p95 (the median where p95 is not known): as long as a
system has room, power grows with the users; once it is full it falls. The knee is the level with the most power,
and it is one only when latency gave way beyond it: at the highest level p95 is at least `SLOWER` times that of the
knee, while goodput grew by less than half of what the users did. A knee at the highest level is none: nothing
beyond it was seen.

    goodput  ____----------     p95            /
            /   knee                __________/         tests/analysis/levels/test_knee.py

A server that takes one call at a time has its knee at one user: there goodput does not grow at all, and each further
user waits for all the others. Then `one_at_a_time` says so.

Assumptions: levels of closed load with one think time. It says where latency gives way, and nothing of success:
that is `breaking_point`. Between two levels it cannot tell: the knee is always a level that was run.
"""

from collections.abc import Sequence
from typing import Final, Literal

from harness.analysis.levels.capacity import Level
from harness.run_directory.results import Knee

SLOWER: Final = 1.5
FLAT: Final = 1.15  # goodput that grows by less than this share does not grow

Quantile = Literal["p95", "p50"]
QUANTILES: Final[tuple[Quantile, ...]] = ("p95", "p50")


def find(levels: Sequence[Level]) -> Knee | None:
    """The knee among the levels of a curve (`capacity.levels`); None when there is none."""
    curve = sorted((one for one in levels if one.step.kind != "confirm"), key=lambda one: one.users)
    for quantile in QUANTILES:
        known = [(one, slow) for one in curve if (slow := _slow(one, quantile)) and one.rps]
        if len(known) == len(curve) >= 3:
            return _knee(known, quantile)
    return None


def _slow(level: Level, quantile: Quantile) -> float | None:
    return level.step.latency_ms.response.at(quantile)


def _knee(known: Sequence[tuple[Level, float]], quantile: Quantile) -> Knee | None:
    best, best_ms = max(known, key=lambda one: one[0].rps / one[1])
    last, last_ms = known[-1]
    more_users = last.users / best.users - 1
    more_goodput = last.rps / best.rps - 1
    if last_ms < SLOWER * best_ms or more_goodput >= more_users / 2:
        return None
    return Knee(
        users=best.users,
        quantile=quantile,
        ms=best_ms,
        rps=best.rps,
        last_users=last.users,
        last_ms=last_ms,
        last_rps=last.rps,
        one_at_a_time=best.users == 1 and last.rps <= FLAT * best.rps,
    )
