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
from dataclasses import dataclass
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
        return _pooled(groups, floor / max(1.0, sum(runs) / sum(map(len, groups))), (a, b), runs)
    if design.order == "vouched":
        return _welch((values[there_a], values[there_b]), floor, (a, b), runs)
    return _squares(design.columns[there], values[there], floor, (a, b), runs)


def _middles(values: Floats, there: npt.NDArray[np.bool_], sitting: npt.NDArray[np.int_]) -> Floats:
    return np.array([np.median(values[there & (sitting == one)]) for one in np.unique(sitting[there])])


def _pooled(
    groups: Sequence[Floats], floor: float, levels: tuple[float, float], runs: tuple[int, int]
) -> Fit:
    freedom = sum(len(one) - 1 for one in groups)
    change = float(groups[1].mean() - groups[0].mean())
    if freedom < 1:
        return Fit(change, math.inf, 0, *levels, runs)
    variance = max(sum(float(((one - one.mean()) ** 2).sum()) for one in groups) / freedom, floor)
    return Fit(change, math.sqrt(variance * sum(1 / len(one) for one in groups)), freedom, *levels, runs)


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
    factor, weights = solved
    found = weights @ values
    variance = max(float(((values - columns @ found) ** 2).sum()) / freedom, floor)
    return Fit(float(found[0]), math.sqrt(variance * factor), freedom, *levels, runs)


@lru_cache(maxsize=64)
def _solved(columns: bytes, shape: tuple[int, int]) -> tuple[float, Floats] | None:
    """Solve the normal equations once for all figures: the variance of the change, and what values are multiplied by."""
    matrix = np.frombuffer(columns).reshape(shape)
    if np.linalg.matrix_rank(matrix) < shape[1]:
        return None
    inverse = np.linalg.inv(matrix.T @ matrix)
    return float(inverse[0, 0]), inverse @ matrix.T
