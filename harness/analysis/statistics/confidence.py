"""Confidence intervals of shares, percentiles, rates and means. Pure arithmetic.

Shares (success rate, calls slower than a bound): Clopper and Pearson's exact interval, with the number of independent
calls in place of the number of calls (harness.analysis.statistics.correlation).
Percentiles: order statistics. The true p95 lies below a value exactly when 95 % of all calls do, so its interval is made
of the values whose share below is compatible with 95 %; nothing is assumed of the distribution. An end beyond the slowest
call is infinite, one below the quickest is 0.
Rates and means: the means of blocks and Student's t.

`tail` is the probability left out at one end. An objective has one end: `ONE_END`, 5 %. A figure that is shown has two,
with 2.5 % each: `TWO_ENDS`. Both are called 95 %.

They cannot tell what differs between two runs.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import special

from harness.analysis.statistics import correlation
from harness.analysis.statistics.spans import Span

Interval = tuple[float, float]
Numbers = npt.NDArray[Any]

LEVEL: Final = 0.95
ONE_END: Final = 1 - LEVEL
TWO_ENDS: Final = (1 - LEVEL) / 2
MOST: Final = 1e9  # more calls than any run makes


def share(hits: float, calls: float, tail: float) -> Interval:
    """The interval of the true share, from the hits in a sample."""
    if calls <= 0:
        return 0.0, 1.0
    low = float(special.betaincinv(hits, calls - hits + 1, tail)) if hits > 0 else 0.0
    high = float(special.betaincinv(hits + 1, calls - hits, 1 - tail)) if hits < calls else 1.0
    return low, high


def ranks(count: int, effective: float, quantile: float, tail: float) -> tuple[int, int]:
    """The sorted ranks between which the quantile lies; -1: below the first, `count`: above the last."""
    scale = effective / count

    def rare_below(rank: int) -> bool:
        """Whether so few calls below the quantile would be rare."""
        return float(special.betainc(effective - rank * scale, rank * scale + 1, 1 - quantile)) < tail

    def rare_above(rank: int) -> bool:
        """Whether so many calls below the quantile would be rare."""
        return float(special.betainc(rank * scale, effective - rank * scale + 1, quantile)) < tail

    low = _first(lambda rank: rank >= count or not rare_below(rank), count)
    high = _first(lambda rank: rank > 0 and rare_above(rank), count + 1) - 1
    return low - 1, high


def _first(holds: Any, end: int) -> int:
    """The first whole number below `end` from which on the condition holds; `end` when it never does."""
    low, high = 0, end
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def percentile(values: Numbers, effective: float, quantile: float, tail: float) -> Interval:
    """The interval of a percentile of these values, in their unit."""
    count = len(values)
    low, high = ranks(count, effective, quantile, tail)
    wanted = sorted({rank for rank in (low, high) if 0 <= rank < count})
    parted = np.partition(values, wanted) if wanted else values
    return (
        float(parted[low]) if low >= 0 else 0.0,
        float(parted[high]) if high < count else math.inf,
    )


def effective_at(values: Numbers, value: float, parts: Sequence[int], tail: float) -> float:
    """The number of independent calls, judged by which of them lie above a value."""
    return correlation.effective(values > value, parts, tail)


def mean(values: Numbers, parts: Sequence[int], tail: float) -> Interval:
    """The interval of a mean."""
    if len(values) < correlation.PART_LEAST:
        return 0.0, math.inf
    blocks, edges = correlation.cuts(parts)
    totals = np.add.reduceat(values, edges, dtype=np.float64)
    sizes = np.diff([*edges, len(values)]).astype(np.float64)
    middle = float(values.mean())
    half = _widest(totals, sizes, blocks, tail) / len(values)
    return middle - half, middle + half


def rate(done_ns: Numbers, spans: Sequence[Span], tail: float) -> Interval:
    """The interval of the completion rate per ns in these stretches of time."""
    length_ns = sum(end - start for start, end in spans)
    blocks = [correlation.pieces_of((end - start) / length_ns) for start, end in spans]
    totals, sizes = [], []
    for (start, end), many in zip(spans, blocks, strict=True):
        edges = start + np.arange(many + 1, dtype=np.int64) * (end - start) // many
        inside = done_ns[(done_ns >= start) & (done_ns < end)]
        totals.append(np.bincount(np.searchsorted(edges, inside, side="right") - 1, minlength=many))
        sizes.append(np.diff(edges))
    counts = np.concatenate(totals).astype(np.float64)
    middle = counts.sum() / length_ns
    half = _widest(counts, np.concatenate(sizes).astype(np.float64), blocks, tail) / length_ns
    return max(0.0, middle - half), middle + half


def _widest(totals: Numbers, sizes: Numbers, blocks: Sequence[int], tail: float) -> float:
    """Half the width of the interval of a sum, from the block size with the most variation."""
    widths = []
    for wide in (1, 2, correlation.CUTS):
        variance, freedom = correlation.spread(
            correlation.joined(totals, wide), correlation.joined(sizes, wide), [one // wide for one in blocks]
        )
        widths.append(math.sqrt(variance) * float(special.stdtrit(freedom, 1 - tail)))
    return max(widths)


def calls_needed(hits: float, quantile: float, tail: float) -> float:
    """How many independent calls would decide on which side of the quantile it lies; infinite on it."""
    if hits == quantile:
        return math.inf

    def decides(calls: float) -> bool:
        low, high = share(hits * calls, calls, tail)
        return low >= quantile or high < quantile

    calls = 1.0
    while not decides(calls):
        calls *= 2
        if calls > MOST:
            return math.inf
    low, high = calls / 2, calls
    while high - low > 0.5:
        middle = (low + high) / 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high
