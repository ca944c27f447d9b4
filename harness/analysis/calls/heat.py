"""The counts behind the heat map: calls by time and by latency.

Definitions. A cell counts the ok calls that were to start in a stretch of time and whose response time lies in
[low, high). Rows are equally high on a logarithmic scale, `ROWS_A_DECADE` of them from a power of ten to the next,
and reach from the fastest call to the slowest; columns are at most `COLUMNS_MOST` equal stretches of the run.
A response below `FASTEST_NS` counts as that fast. So the size is bounded however long the run, and no call is left
out: the counts add up to the ok calls.

What a percentile over time hides can be seen here: two kinds of answers, a slow few, a stall.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.analysis.calls.calls import OK, Calls, Ints
from harness.foundation.units import NS_PER_MS, NS_PER_S

COLUMNS_MOST: Final = 150
ROWS_A_DECADE: Final = 10
ROWS_MOST: Final = 60  # six decades: 1 us to a second, 1 ms to a quarter of an hour
FASTEST_NS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Heat:
    """Counts by latency (rows, fastest first) and time (columns); edges have one entry more than cells."""

    counts: npt.NDArray[np.int64]
    edges_s: npt.NDArray[np.float64]
    edges_ms: npt.NDArray[np.float64]


def measure(calls: Calls) -> Heat | None:
    """The heat map of a run; None when no call was ok."""
    ok = calls.kind == OK
    intended = calls.intended_ns[ok]
    if not len(intended):
        return None
    rows = _rows(calls.done_ns[ok] - intended)
    lowest, highest = int(rows.min()), int(rows.max())
    lowest = max(lowest, highest - ROWS_MOST + 1)
    start_ns, end_ns = _span(calls)
    columns_count = min(COLUMNS_MOST, max(1, -(-(end_ns - start_ns) // NS_PER_S)))
    columns = (intended - start_ns) * columns_count // (end_ns - start_ns)
    height = highest - lowest + 1
    places = np.maximum(rows - lowest, 0) * columns_count + columns
    counts = np.bincount(places, minlength=height * columns_count).reshape(height, columns_count)
    return Heat(
        counts=counts,
        edges_s=np.linspace(start_ns, end_ns, columns_count + 1) / NS_PER_S,
        edges_ms=10.0 ** (np.arange(lowest, highest + 2) / ROWS_A_DECADE) / NS_PER_MS,
    )


def _rows(durations_ns: Ints) -> Ints:
    """The row number of each duration, counted from one nanosecond."""
    logs = np.log10(np.maximum(durations_ns, FASTEST_NS))
    return np.floor(logs * ROWS_A_DECADE + 1e-12).astype(np.int64)


def _span(calls: Calls) -> tuple[int, int]:
    """The time from the whole second before the first call to the last completion, in ns, as in `windows`."""
    start = int(calls.intended_ns[0]) // NS_PER_S * NS_PER_S
    return start, max(int(calls.done_ns.max()), int(calls.intended_ns[-1])) + 1
