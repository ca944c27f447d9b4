"""The 95 % intervals of the figures that people quote: success, throughput, p50, p95, p99 of the whole run.

Definitions. Each is of the calls of the load, as the figure itself (harness.analysis.summary); how it is made says
harness.analysis.statistics.confidence. It tells how exact the figure is as a statement about this run's server at this load: a run made
again in the same hour would lie about there. It says nothing of another day. A percentile that is not shown has none,
nor has one whose end lies beyond the slowest call.

A *jump*: a percentile whose interval spans a factor of two or more, most of it in a single gap without a call. It sits
between two groups of calls, and a few calls more in one of them move it from the one to the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.analysis.calls import latency
from harness.analysis.calls.calls import FAILED, OK, Calls, Ints
from harness.analysis.levels import strata
from harness.analysis.statistics import confidence, correlation
from harness.analysis.statistics.confidence import TWO_ENDS, Interval
from harness.foundation.units import NS_PER_MS, NS_PER_S
from harness.run_directory.results import Intervals
from harness.scenario.catalogue import QUANTILES

SHOWN: Final = ("p50", "p95", "p99")
JUMP: Final = 2.0  # the ends of the interval differ by this factor
GAP: Final = 0.4  # of that, on a logarithmic scale, one gap makes up so much
NOTHING: Final = 0.05 * NS_PER_MS  # what is quicker differs by nothing that matters


@dataclass(frozen=True, slots=True)
class Jump:
    """A percentile between two groups of calls: the slowest of the fast one, the fastest of the slow one."""

    name: str
    below_ms: float
    above_ms: float


@dataclass(frozen=True, slots=True)
class Headline:
    """The intervals of the summary, and the jumps."""

    intervals: Intervals
    jumps: tuple[Jump, ...] = ()


def measure(calls: Calls, edges: Sequence[int]) -> Headline:
    """The intervals and jumps of these calls; `edges` are the times at which the load changed."""
    percentiles, jumps = _percentiles(calls, edges)
    return Headline(
        Intervals(
            success_rate=_success(calls, edges), throughput_rps=_throughput(calls, edges), **percentiles
        ),
        jumps,
    )


def _success(calls: Calls, edges: Sequence[int]) -> Interval | None:
    decided = calls.take((calls.kind == OK) | (calls.kind == FAILED))
    if not len(decided):
        return None
    good = decided.kind == OK
    worth = correlation.effective(good, _parts(decided, edges), TWO_ENDS)
    hits = np.count_nonzero(good) * worth / len(good)
    return _row(confidence.share(float(hits), worth, TWO_ENDS), 6)


def _throughput(calls: Calls, edges: Sequence[int]) -> Interval | None:
    if not len(calls):
        return None
    whole = (int(calls.intended_ns[0]), int(calls.done_ns.max()) + 1)
    low, high = confidence.rate(calls.done_ns[calls.kind == OK], strata.cut([whole], edges), TWO_ENDS)
    return _row((low * NS_PER_S, high * NS_PER_S), 3)


def _percentiles(calls: Calls, edges: Sequence[int]) -> tuple[dict[str, Interval | None], tuple[Jump, ...]]:
    answered = calls.take(calls.kind == OK)
    durations_ns, parts = answered.response_ns(), _parts(answered, edges)
    intervals: dict[str, Interval | None] = {}
    jumps: list[Jump] = []
    for name, at_ns in latency.percentiles(durations_ns, SHOWN).items():
        intervals[f"{name}_ms"] = None
        if at_ns is None:
            continue
        worth = confidence.effective_at(durations_ns, at_ns, parts, TWO_ENDS)
        ends = confidence.percentile(durations_ns, worth, QUANTILES[name] / 1000, TWO_ENDS)
        intervals[f"{name}_ms"] = _row((ends[0] / NS_PER_MS, ends[1] / NS_PER_MS), 3)
        jumps += _jumps(name, durations_ns, ends)
    return intervals, tuple(jumps)


def _jumps(name: str, durations_ns: Ints, ends: Interval) -> list[Jump]:
    low, high = max(ends[0], NOTHING), min(ends[1], float(durations_ns.max()))
    if high < JUMP * low:
        return []
    inside = np.sort(durations_ns[(durations_ns >= ends[0]) & (durations_ns <= high)])
    gaps = np.diff(np.log(np.maximum(inside, NOTHING)))
    widest = int(np.argmax(gaps))
    if gaps[widest] < GAP * np.log(high / low):
        return []
    return [Jump(name, float(inside[widest]) / NS_PER_MS, float(inside[widest + 1]) / NS_PER_MS)]


def _parts(calls: Calls, edges: Sequence[int]) -> list[int]:
    """The number of calls between one change and the next."""
    at = np.searchsorted(calls.intended_ns, edges)
    return [int(one) for one in np.diff([0, *at, len(calls)])]


def _row(interval: Interval, digits: int) -> Interval | None:
    """The interval, rounded; None when its upper end is not known."""
    return (
        None
        if np.isinf(interval[1])
        else (round(float(interval[0]), digits), round(float(interval[1]), digits))
    )
