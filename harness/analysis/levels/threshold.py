"""Where do objectives stop to hold? The posterior of a threshold from noisy trials, on a logarithmic grid. Pure.

    share of bad calls
      1 |                      ____
        |                   _/
    5 % |- - - - - - - - -/|           bad: slower than the bound, failed, or not sent
      0 |________________/ |
                       threshold       load

A mark says of one trial and one objective: at this load, this share of so many independent calls was bad, and so much is
allowed. Near the threshold the share is taken to follow a logistic curve in the logarithm of the load, whose slope is
not known; far from it a mark says only on which side it lies, because no curve is right everywhere. Shares are compared
as deviances of binomials, not as transformed figures, so that a few very bad trials do not bend the threshold.

Trials differ by more than their calls tell: a queue that was long when one began, a server whose speed changes. So the
deviances are divided by a dispersion that is not known either, and the trials tell it: those of a noisy server scatter
about every curve, which gives a large dispersion and a wide interval.

Slope and dispersion are summed out. The threshold of several objectives is that of the one that gives way first.
Assumptions: more load is never better; before the first trial every order of magnitude of load is as likely.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import special

Numbers = npt.NDArray[Any]

LEVEL: Final = 0.90
POSTERIOR_LEVEL: Final = (
    0.96  # covers 90 of 100 simulated queues: their trials are a little alike, the curve a little wrong
)
CELLS: Final = 160
SLOPES: Final = np.geomspace(2.0, 400.0, 14)  # of the logit of the share, for the load times e
DISPERSIONS: Final = np.geomspace(1.0, 1_000.0, 17)
NEAR: Final = 0.12  # as a logarithm: within this distance of the threshold the curve counts
FAR_DISPERSION: Final = 2.0  # of marks that tell their side only, which do not scatter about a curve
FAR_MOST: Final = 12.0  # one such mark may be wrong: a cold server, a pause
LEAST: Final = 1e-4
TAIL: Final = 1e-4


@dataclass(frozen=True, slots=True)
class Mark:
    """The result of one trial for one objective."""

    load: float
    calls: int
    worth: float  # so many independent calls (harness.analysis.statistics.correlation)
    bad: float  # share of them
    allowed: float
    sided: bool = False  # it says only whether the objective held

    @property
    def holds(self) -> bool:
        return self.bad <= self.allowed


@dataclass(frozen=True, slots=True)
class Threshold:
    """The posterior: loads in ascending order, and how likely the threshold is at most each."""

    loads: Numbers
    below: Numbers
    first: Mapping[str, float]  # how likely each objective is the one that gives way first

    def at(self, probability: float) -> float:
        """The load below which the threshold lies with this probability."""
        return float(np.exp(np.interp(probability, self.below, np.log(self.loads))))

    def share_above(self, load: float) -> float:
        """How likely the threshold lies above this load."""
        return 1.0 - float(np.interp(math.log(load), np.log(self.loads), self.below))

    @property
    def middle(self) -> float:
        return self.at(0.5)

    @property
    def interval(self) -> tuple[float, float]:
        return self.at((1 - POSTERIOR_LEVEL) / 2), self.at((1 + POSTERIOR_LEVEL) / 2)


def threshold(marks: Mapping[str, Sequence[Mark]], lowest: float, highest: float) -> Threshold:
    """The threshold of these objectives, somewhere between two loads."""
    found = _on(marks, np.linspace(math.log(lowest), math.log(highest), CELLS), None)
    for _ in range(3):  # the grid is laid closer around what is likely, and what is near is known better
        edges = found.at(TAIL), found.at(1 - TAIL)
        cell = (math.log(edges[1]) - math.log(edges[0])) / CELLS + 1e-6
        low = max(math.log(lowest), math.log(edges[0]) - 4 * cell)
        high = min(math.log(highest), math.log(edges[1]) + 4 * cell)
        found = _on(marks, np.linspace(low, max(high, low + 1e-6), CELLS), math.log(found.middle))
    return found


def _on(marks: Mapping[str, Sequence[Mark]], grid: Numbers, middle: float | None) -> Threshold:
    """The posterior on a grid of logarithms of load; without a middle every mark tells its side only."""
    densities = {name: _density(of_one, grid, middle) for name, of_one in marks.items()}
    above = {name: 1.0 - np.cumsum(density) + density / 2 for name, density in densities.items()}
    survives = np.clip(math.prod(above.values(), start=np.ones(len(grid))), 0.0, 1.0)
    first = {
        name: float(
            np.sum(density * math.prod((above[other] for other in above if other != name), start=1.0))
        )
        for name, density in densities.items()
    }
    return Threshold(np.exp(grid), np.maximum.accumulate(1.0 - survives), first)


def _density(marks: Sequence[Mark], grid: Numbers, middle: float | None) -> Numbers:
    """How likely the threshold of one objective lies in each cell."""
    if not marks:
        return np.full(len(grid), 1.0 / len(grid))
    alike = _alike(marks)
    near: Numbers = np.zeros((len(grid), len(SLOPES)))
    far: Numbers = np.zeros((len(grid), len(SLOPES)))
    scatter = 0
    for mark in marks:
        if _curved(mark, middle):
            near += _deviance(mark, grid, curved=True) / alike
            scatter += 1
        else:
            far += np.minimum(_deviance(mark, grid, curved=False) / alike / FAR_DISPERSION, FAR_MOST)
    logs = -0.5 * near[:, :, None] / DISPERSIONS - scatter / 2 * np.log(DISPERSIONS) - 0.5 * far[:, :, None]
    weights = np.exp(logs - logs.max()).sum(axis=(1, 2))
    density: Numbers = weights / weights.sum()
    return density


def _deviance(mark: Mark, grid: Numbers, *, curved: bool) -> Numbers:
    """How badly each threshold and slope fit a mark."""
    load = math.log(mark.load)
    allowed = min(max(mark.allowed, LEAST), 1 - LEAST)
    logit = special.logit(allowed) + SLOPES[None, :] * (load - grid[:, None])
    expected = np.clip(special.expit(logit), LEAST, 1 - LEAST)
    distance = _divergence(mark.bad, expected)
    if not curved:  # on its side of the threshold it may be as it likes
        distance = np.where(
            (expected >= allowed) != mark.holds,
            0.0,
            np.maximum(0.0, distance - _divergence(mark.bad, allowed)),
        )
    whole: Numbers = 2.0 * mark.calls * distance
    return whole


def _curved(mark: Mark, middle: float | None) -> bool:
    """Whether the curve counts for a mark, and not its side alone."""
    return middle is not None and abs(math.log(mark.load) - middle) <= NEAR and not mark.sided


def _alike(marks: Sequence[Mark]) -> float:
    """How many calls are worth one, over all trials: by trial it would weigh those less that had a bad time."""
    return max(1.0, sum(mark.calls for mark in marks) / max(sum(mark.worth for mark in marks), 1e-9))


def _divergence(share: float, expected: Any) -> Any:
    """The distance of a share from the expected one: that of Kullback and Leibler."""
    return special.rel_entr(share, expected) + special.rel_entr(1 - share, 1 - expected)
