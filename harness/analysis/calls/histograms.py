"""Latency as counts of rounded values, interval by interval: what goes into an HDR histogram log.

Definitions. Durations of ok calls in whole microseconds, at least one, rounded down to three significant binary
digits' worth (`SUB_BUCKETS` values from a power of two to the next: an error under 0.1 %), which is how an HDR
histogram keeps them. An interval is a window of `windows`, at most `INTERVALS_MOST` of them; calls belong to it by
intended start, so the counts add up to the ok calls.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.analysis.calls import windows
from harness.analysis.calls.calls import OK, Calls, Ints
from harness.foundation.units import NS_PER_S

NS_PER_US: Final = 1_000
INTERVALS_MOST: Final = 30
SUB_BUCKETS: Final = 1024


@dataclass(frozen=True, slots=True)
class Interval:
    """The different values of one interval, ascending, and how often each occurred."""

    kind: str  # response or service
    start_s: float
    end_s: float
    values_us: Ints
    counts: npt.NDArray[np.int64]


def measure(calls: Calls) -> tuple[Interval, ...]:
    """The response and service times of each interval that has an ok call."""
    ok = calls.kind == OK
    intended, done, sent = calls.intended_ns[ok], calls.done_ns[ok], calls.sent_ns[ok]
    edges = windows.borders(calls, INTERVALS_MOST)
    bounds = np.searchsorted(intended, edges)
    intervals = []
    for place, (first, last) in enumerate(pairwise(bounds)):
        if first == last:
            continue
        span = (float(edges[place]) / NS_PER_S, float(edges[place + 1]) / NS_PER_S)
        for kind, begun in (("response", intended), ("service", sent)):
            values, counts = np.unique(rounded(done[first:last] - begun[first:last]), return_counts=True)
            intervals.append(Interval(kind, *span, values, counts))
    return tuple(intervals)


def rounded(durations_ns: Ints) -> Ints:
    """Durations in µs, rounded down to what a histogram of three digits can distinguish."""
    whole = np.maximum(durations_ns // NS_PER_US, 1)
    exponents = np.frexp(whole)[1] - 1  # of the highest bit; exact below 2 ** 53
    shifts = np.maximum(exponents - (SUB_BUCKETS.bit_length() - 1), 0)
    shifted: Ints = whole >> shifts << shifts
    return shifted
