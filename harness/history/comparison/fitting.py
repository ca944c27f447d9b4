"""The change of a figure from side A to side B, how uncertain it is, and with how many degrees of freedom.

On the figure's scale (harness.history.comparison.gates): logarithms of positive figures, else the figures themselves.

- Runs together or in turn: least squares with the side, a level for each sitting, and a line over time.
- Runs apart: the median of each sitting is one value, so that one odd run is not a night's; both sides have the same spread
  from sitting to sitting.
- Vouched: Welch's unequal variances.

The spread is never taken to be smaller than the doubt of the values themselves: five runs without a failed call, of a
hundred calls each, do not show that no call ever fails.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.history.comparison.design import Design, Floats

SPREAD_LEAST: Final = 0.002  # of positive figures: nothing is known to a five-hundredth


@dataclass(frozen=True, slots=True)
class Fit:
    """A change on the figure's scale."""

    change: float
    error: float  # its standard error; infinite when nobody can say
    freedom: float
    a: float  # the mean level of A, on the scale
    b: float
    runs: tuple[int, int]
    space: Floats | None = (
        None  # what harness.history.comparison.together turns: the change, and what is left over
    )
    rows: bytes = b""  # which runs have the figure: those of the same rows are turned together
    raised: bool = False  # the spread is the doubt of the values: the runs differ by less

    def known(self) -> bool:
        return self.freedom > 0 and math.isfinite(self.error)


def fit(design: Design, values: Floats, doubts: Floats) -> Fit:
    """The change in `values`, one for each row of the design; NaN where a run does not have the figure."""
    there = ~np.isnan(values)
    side = design.columns[:, 0]
    there_a, there_b = there & (side < 0), there & (side > 0)
    runs = int(there_a.sum()), int(there_b.sum())
    if not all(runs):
        nan = float("nan")
        return Fit(nan, math.inf, 0, nan, nan, runs)
    a, b = float(values[there_a].mean()), float(values[there_b].mean())
    floor = float((doubts[there] ** 2).mean())
    if not design.decides or sum(runs) <= 2:
        return Fit(b - a, math.inf, 0, a, b, runs)
    if design.order == "apart":
        sitting = np.array(design.sittings)
        groups = [_middles(values, there_one, sitting) for there_one in (there_a, there_b)]
        floor /= max(1.0, sum(runs) / sum(map(len, groups)))
        of = np.repeat([-0.5, 0.5], [len(one) for one in groups])
        squares = _squares(np.c_[of, np.ones(len(of))], np.concatenate(groups), floor, (a, b), runs)
        return replace(squares, rows=there.tobytes())
    if design.order == "vouched":
        return _welch((values[there_a], values[there_b]), floor, (a, b), runs)
    squares = _squares(design.columns[there], values[there], floor, (a, b), runs)
    return replace(squares, rows=there.tobytes())


def _middles(values: Floats, there: npt.NDArray[np.bool_], sitting: npt.NDArray[np.int_]) -> Floats:
    return np.array([np.median(values[there & (sitting == one)]) for one in np.unique(sitting[there])])


def _welch(groups: Sequence[Floats], floor: float, levels: tuple[float, float], runs: tuple[int, int]) -> Fit:
    change = levels[1] - levels[0]
    if min(runs) < 2:
        return Fit(change, math.inf, 0, *levels, runs)
    parts = [max(float(one.var(ddof=1)), floor) / len(one) for one in groups]
    freedom = sum(parts) ** 2 / sum(part**2 / (len(one) - 1) for part, one in zip(parts, groups, strict=True))
    return Fit(change, math.sqrt(sum(parts)), freedom, *levels, runs)


def _squares(
    columns: Floats, values: Floats, floor: float, levels: tuple[float, float], runs: tuple[int, int]
) -> Fit:
    columns = columns[
        :, np.abs(columns).max(axis=0) > 0
    ]  # without sittings whose runs do not have the figure
    freedom = len(values) - columns.shape[1]
    solved = _solved(columns.tobytes(), columns.shape) if freedom >= 1 else None
    if solved is None:
        return Fit(levels[1] - levels[0], math.inf, 0, *levels, runs)
    factor, coordinates = solved
    space = coordinates @ values
    variance = float((space[1:] ** 2).sum()) / freedom
    return Fit(
        float(space[0]) * math.sqrt(factor),
        math.sqrt(max(variance, floor) * factor),
        freedom,
        *levels,
        runs,
        space=space,
        raised=variance < floor,
    )


@lru_cache(maxsize=64)
def _solved(columns: bytes, shape: tuple[int, int]) -> tuple[float, Floats] | None:
    """Solve least squares once for all figures: the variance of the change, and what values are multiplied by.

    The first row gives the change by its standard deviation, the others what neither the change nor levels and lines explain.
    """
    matrix = np.frombuffer(columns).reshape(shape)
    if np.linalg.matrix_rank(matrix) < shape[1]:
        return None
    side, others = matrix[:, :1], matrix[:, 1:]
    factor = float(np.linalg.inv(matrix.T @ matrix)[0, 0])
    beside = side - others @ np.linalg.lstsq(others, side, rcond=None)[0]
    basis = np.linalg.qr(np.c_[others, beside], mode="complete")[0]
    rest = basis[:, shape[1] :]
    return factor, np.vstack([beside.T * math.sqrt(factor), rest.T])
