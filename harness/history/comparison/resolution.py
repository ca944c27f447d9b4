"""The smallest change that comparisons detect on this machine, and how many repeats that takes.

Power is 90 %: of ten such changes nine are called regressed. The level is that of one leading figure of a step, before Holm's
later steps, so that the true number is seldom larger. The spread is that of the runs about a line over time.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import Struct
from scipy import special

from harness.history.comparison.gates import Gates, by_ratio, size
from harness.history.comparison.judging import level
from harness.history.comparison.measured import MeasuredRun

POWER: Final = 0.9
REPEATS_LEAST, REPEATS_MOST = 3, 100
CHANGES: Final = (0.05, 0.06, 0.08, 0.10, 0.15, 0.20, 0.30, 0.50)
RUNS_LEAST: Final = 4


class Resolved(Struct, frozen=True, kw_only=True):
    """The changes of one figure that this machine can detect."""

    of: str
    name: str
    unit: str
    middle: float
    spread: float  # one standard deviation between runs: a share where `ratio`, else in the unit
    spread_at_most: float  # its upper 90 % bound: few runs do not know it well
    ratio: bool
    smallest: float | None  # the smallest of CHANGES that as many repeats as were made here would tell
    repeats: tuple[
        tuple[float, int | None], ...
    ]  # repeats a side for each of CHANGES; null: more than a hundred


def resolved(runs: Sequence[MeasuredRun], gates: Gates) -> tuple[Resolved, ...]:
    """Every leading figure that is told by ratio, and that enough runs have."""
    figures = []
    keys = dict.fromkeys((one.of, one.name) for run in runs for one in run.values if one.leading)
    for key in keys:
        there = [(run.started_at_s, one) for run in runs for one in run.values if (one.of, one.name) == key]
        first = there[0][1]
        if (
            len(there) < RUNS_LEAST
            or not by_ratio(first.name, first.unit)
            or any(one.value <= 0 for _, one in there)
        ):
            continue
        spread, freedom = _spread([at for at, _ in there], [math.log(one.value) for _, one in there])
        middle = float(np.median([one.value for _, one in there]))
        gate = size(gates, first.name, first.unit, middle)
        repeats = tuple(
            (change, repeats_needed(first.name, spread, math.log1p(change), gate)) for change in CHANGES
        )
        figures.append(
            Resolved(
                of=first.of,
                name=first.name,
                unit=first.unit,
                middle=middle,
                spread=math.expm1(spread),
                spread_at_most=math.expm1(spread * math.sqrt(freedom / special.chdtri(freedom, 0.9))),
                ratio=True,
                smallest=next((change for change, n in repeats if n is not None and n <= len(there)), None),
                repeats=repeats,
            )
        )
    return tuple(figures)


def _spread(times: Sequence[float], values: Sequence[float]) -> tuple[float, int]:
    """The standard deviation about a line over time, and its degrees of freedom."""
    at = np.array(times) - np.mean(times)
    columns = np.c_[np.ones(len(at)), at / (np.abs(at).max() or 1.0)]
    rank = int(np.linalg.matrix_rank(columns))
    left = np.array(values) - columns @ np.linalg.lstsq(columns, np.array(values), rcond=None)[0]
    freedom = len(values) - rank
    return max(float(np.sqrt((left**2).sum() / freedom)), 1e-4), freedom


def power(name: str, spread: float, change: float, gate: float, repeats: int) -> float:
    """How often a change is called regressed with so many repeats a side, by turns."""
    freedom = 2 * repeats - 3
    error = spread * math.sqrt(2 / repeats)
    least = max(float(special.stdtrit(freedom, 1 - level(name) / 2)), gate / error)
    return 1.0 - float(special.nctdtr(freedom, change / error, least))


def repeats_needed(name: str, spread: float, change: float, gate: float) -> int | None:
    """The fewest repeats a side that tell this change nine times of ten; None: more than a hundred, or it is within its gate."""
    if change <= gate:
        return None
    for repeats in range(REPEATS_LEAST, REPEATS_MOST + 1):
        if power(name, spread, change, gate, repeats) >= POWER:
            return repeats
    return None
