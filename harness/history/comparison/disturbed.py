"""Runs that something disturbed: far slower than all that the others say, so that no spread describes them.

Generalised ESD (Rosner) on the mean logarithm of the leading latencies of each run, about the same side, sitting and line as
the fit: the slowest run is taken off, one after the other, up to a fifth of all; the last one that fewer than two of a
hundred such comparisons would have by chance is disturbed, and those that were slower still. Only slow runs are: nothing
makes a run quicker for a while. With fewer than eight runs nobody can tell.

Such a run is left out where a change is looked for. It counts where figures are called equivalent: a server that is slow in
one run of five may have become so.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy import special

from harness.history.comparison.design import Design, Floats
from harness.history.comparison.measured import MeasuredRun

CHANCE: Final = 0.02
RUNS_LEAST: Final = 8
SIDE_LEAST: Final = 3
MOST: Final = 1 / 5


def disturbed(order: Design, runs: Sequence[MeasuredRun]) -> tuple[int, ...]:
    """Which rows of the design are; `runs` are one for each row. Only of runs that were made by turns."""
    values = _levels(runs)
    if order.order != "together" or len(runs) < RUNS_LEAST or values is None:
        return ()
    kept = np.ones(len(values), dtype=bool)
    off: list[int] = []
    many = 0
    for _ in range(int(len(values) * MOST)):
        slowest, chance = _slowest(order.columns[kept], values[kept])
        at = int(np.flatnonzero(kept)[slowest])
        kept[at] = False
        sides = order.columns[kept, 0]
        if min((sides < 0).sum(), (sides > 0).sum()) < SIDE_LEAST:
            break
        off.append(at)
        if chance < CHANCE:
            many = len(off)
    return tuple(off[:many])


def _levels(runs: Sequence[MeasuredRun]) -> Floats | None:
    """The mean logarithm of the leading latencies that all the runs have."""
    each = [
        {(v.of, v.name): v.value for v in run.values if v.leading and v.unit == "ms" and v.value > 0}
        for run in runs
    ]
    common = set.intersection(*map(set, each)) if each else set()
    if not common:
        return None
    return np.array([np.mean([np.log(one[key]) for key in sorted(common)]) for one in each])


def _slowest(columns: Floats, values: Floats) -> tuple[int, float]:
    """The run that lies highest above what the others say, and how likely one of them does by chance."""
    hat = columns @ np.linalg.pinv(columns)
    left = values - hat @ values
    free = np.maximum(1 - np.diag(hat), 1e-9)
    freedom = len(values) - np.linalg.matrix_rank(columns) - 1
    if freedom < 1:
        return int(np.argmax(left)), 1.0
    variance = np.maximum(((left**2).sum() - left**2 / free) / freedom, 1e-12)
    outside = left / np.sqrt(variance * free)
    at = int(np.argmax(outside))
    return at, float(special.stdtr(freedom, -outside[at])) * len(values)
