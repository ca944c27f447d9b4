"""The latency distribution: the time that a share of the calls did not exceed, from 50 % to 99.99 %.

Definitions. A point is a percentile as everywhere (`latency`: nearest rank, of ok calls), and is given only when
at least ten calls lie above it: the curve of ten thousand calls ends at 99.9 %. The points are evenly spread over
the number of nines, so that the tail is drawn as carefully as the middle.

Response beside service: where they part, calls waited before they were sent.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.analysis.calls.calls import Calls, Ints
from harness.analysis.calls.latency import ABOVE
from harness.foundation.units import NS_PER_MS

POINTS_A_NINE: Final = 12
NINES: Final = 4
PARTS: Final = 1_000_000

# The shares of calls that lie above each point, in millionths: from the median (500,000) down to 99.99 % (100).
ABOVES: Final = tuple(
    sorted(
        {500_000, 50_000}
        | {round(PARTS * 10 ** (-step / POINTS_A_NINE)) for step in range(4, NINES * POINTS_A_NINE + 1)},
        reverse=True,
    )
)


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the curve: `above` calls in a million took longer than `ms`."""

    above: int
    ms: float

    @property
    def percentile(self) -> float:
        return 100 - self.above / 10_000


@dataclass(frozen=True, slots=True)
class Curve:
    """The curves of response and service time; empty when there are too few calls."""

    response: tuple[Point, ...]
    service: tuple[Point, ...]


def at(curve_points: tuple[Point, ...], above: int) -> float | None:
    """The time at this point of a curve, in ms; None beyond the end of the curve."""
    return next((point.ms for point in curve_points if point.above == above), None)


def measure(calls: Calls) -> Curve:
    """The curves of these calls."""
    return Curve(points(calls.response_ns()), points(calls.service_ns()))


def points(durations_ns: Ints) -> tuple[Point, ...]:
    """The points for which there are enough durations."""
    count = len(durations_ns)
    shown = [above for above in ABOVES if count * above >= ABOVE * PARTS]
    if not shown:
        return ()
    # count - count * above / PARTS, rounded up, is how many calls the point must not exceed.
    ranks = [-(-count * (PARTS - above) // PARTS) - 1 for above in shown]
    parted = np.partition(durations_ns, sorted(set(ranks)))
    return tuple(
        Point(above, float(parted[rank]) / NS_PER_MS) for above, rank in zip(shown, ranks, strict=True)
    )
