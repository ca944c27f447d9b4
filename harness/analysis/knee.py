"""The knee: the level from which on more users get longer waits instead of more answers.

Definitions. A level's power is its goodput divided by its p95 (the median where p95 is not known): as long as a
system has room, power grows with the users; once it is full it falls. The knee is the level with the most power,
and it is one only when latency gave way beyond it: at the highest level p95 is at least `SLOWER` times that of the
knee, while goodput grew by less than half of what the users did. A knee at the highest level is none: nothing
beyond it was seen.

    goodput  ____----------     p95            /
            /   knee                __________/         tests/analysis/test_knee.py

A server that takes one call at a time has its knee at one user: there goodput does not grow at all, and each further
user waits for all the others. Then `one_at_a_time` says so.

Assumptions: levels of closed load with one think time. It says where latency gives way, and nothing of success:
that is `breaking_point`. Between two levels it cannot tell: the knee is always a level that was run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

SLOWER: Final = 1.5
FLAT: Final = 1.15  # goodput that grows by less than this share does not grow


@dataclass(frozen=True, slots=True)
class Knee:
    """The level, and how p95 and goodput changed from there to the highest level."""

    users: int
    quantile: str
    ms: float
    rps: float
    last_users: int
    last_ms: float
    last_rps: float

    @property
    def one_at_a_time(self) -> bool:
        """Whether the server is a plain queue: as many calls a second for one user as for all."""
        return self.users == 1 and self.last_rps <= FLAT * self.rps

    def as_row(self) -> dict[str, Any]:
        """`knee` of the summary."""
        return asdict(self) | {"one_at_a_time": self.one_at_a_time}


def find(levels: Sequence[Mapping[str, Any]]) -> Knee | None:
    """The knee among the rows of `steps` that make a curve (`capacity.levels`)."""
    rows = sorted((row for row in levels if row["kind"] != "confirm"), key=lambda row: int(row["users"]))
    for quantile in ("p95", "p50"):
        known = [row for row in rows if row["latency_ms"]["response"][quantile] and row["throughput_rps"]]
        if len(known) == len(rows) >= 3:
            return _knee(known, quantile)
    return None


def _knee(rows: Sequence[Mapping[str, Any]], quantile: str) -> Knee | None:
    def slow(row: Mapping[str, Any]) -> float:
        return float(row["latency_ms"]["response"][quantile])

    best = max(rows, key=lambda row: float(row["throughput_rps"]) / slow(row))
    last = rows[-1]
    more_users = last["users"] / best["users"] - 1
    more_goodput = last["throughput_rps"] / best["throughput_rps"] - 1
    if slow(last) < SLOWER * slow(best) or more_goodput >= more_users / 2:
        return None
    return Knee(
        best["users"],
        quantile,
        slow(best),
        best["throughput_rps"],
        last["users"],
        slow(last),
        last["throughput_rps"],
    )
