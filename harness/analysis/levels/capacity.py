"""Capacity: how much the system can answer at most, and with how many users, by the Universal Scalability Law.

    X(N) = first * N / (1 + contention * (N - 1) + retrograde * N * (N - 1))

Definitions. X is goodput, ok calls a second, at N users. `contention` is the share of work that must queue,
`retrograde` what users cost each other; the peak lies at N = sqrt((1 - contention) / retrograde). Fitted by least
squares, relative to what was measured, to the levels of a ramp (their repetitions count as levels of their own).

Refusals. A curve through levels that only rise has a peak too, invented from noise: of curves that have none, fits
invent one in 45 of 100. So capacity is given only when the highest goodput lies inside the levels that were run,
and the 95 % interval of the retrograde term excludes zero, and the peak lies within the levels; else `reason` says
why not. Intervals are those of the fit (Student's t, by the residuals): they know of the scatter between levels,
not of what differs between runs.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.run_directory.results import Capacity, CapacityInterval, Interval, StepResult

LEVELS_LEAST: Final = 5  # three terms are fitted
CONFIDENCE: Final = 0.95
RUNS: Final = ("ramp", "confirm")
SEARCHED: Final = "capacity"  # trials of a search: its last ones crowd around one load


@dataclass(frozen=True, slots=True)
class Fit:
    """The three terms of the curve, and its peak with an interval."""

    first_rps: float
    contention: float
    retrograde: float
    peak_users: float
    peak_rps: float
    users_interval: tuple[float, float]
    rps_interval: tuple[float, float]

    def result(self) -> Capacity:
        """The value of `capacity` in the summary."""
        return Capacity(
            model="usl",
            peak_users=round(self.peak_users),
            peak_rps=round(self.peak_rps, 3),
            interval=CapacityInterval(
                users=_rounded(self.users_interval, 1), rps=_rounded(self.rps_interval, 3)
            ),
        )


def _rounded(interval: tuple[float, float], digits: int) -> Interval:
    return round(interval[0], digits), round(interval[1], digits)


@dataclass(frozen=True, slots=True)
class Level:
    """A step as a point of the curve: its users, and its answered calls per second."""

    users: int
    rps: float
    step: StepResult


def levels(steps: Sequence[StepResult]) -> list[Level]:
    """The steps that make the curve: levels of closed load; only those of ramps, if there are any."""
    measured = [
        Level(one.users, one.throughput_rps, one)
        for one in steps
        if one.users and one.throughput_rps is not None and not one.rate and one.kind != SEARCHED
    ]
    return [one for one in measured if one.step.kind in RUNS] or measured


def highest(steps: Sequence[StepResult]) -> Level | None:
    """The level with the highest measured goodput; None when there is only one level."""
    measured = levels(steps)
    if len({one.users for one in measured}) < 2:
        return None
    return max(measured, key=lambda one: one.rps)


def measure(steps: Sequence[StepResult]) -> tuple[Fit | None, str]:
    """The fitted peak, or why there is none."""
    measured = levels(steps)
    users = np.array([one.users for one in measured], dtype=float)
    rps = np.array([one.rps for one in measured], dtype=float)
    answering = rps > 0
    users, rps = users[answering], rps[answering]
    different = np.unique(users)
    if len(different) < LEVELS_LEAST:
        return (
            None,
            f"a curve needs at least {LEVELS_LEAST} levels of load with answered calls, there were {len(different)}",
        )
    best = users[rps.argmax()]
    if best == different[-1]:
        return (
            None,
            f"the highest goodput was at the highest level run, {best:.0f} users: the peak may lie beyond it",
        )
    return _fit(users, rps)


def rps_at(fit: Fit, users: float) -> float:
    """The goodput of the fitted curve for this number of users, in calls per second."""
    return float(_law(np.array([users]), fit.first_rps, fit.contention, fit.retrograde)[0])


def _law(users: np.ndarray, first: float, contention: float, retrograde: float) -> np.ndarray:
    goodput: np.ndarray = first * users / (1 + contention * (users - 1) + retrograde * users * (users - 1))
    return goodput


def _fit(users: np.ndarray, rps: np.ndarray) -> tuple[Fit | None, str]:
    # Half a second to load, and most runs have no curve to fit.
    from scipy.optimize import OptimizeWarning, curve_fit
    from scipy.special import stdtrit

    start = (float(np.max(rps / users)), 0.05, 1.0 / float(users.max()) ** 2)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", OptimizeWarning)
            terms, covariance = curve_fit(
                _law,
                users,
                rps,
                p0=start,
                sigma=rps,  # relative: a level of ten calls a second counts as much as one of a thousand
                bounds=((0, 0, 0), (np.inf, 1, np.inf)),
                maxfev=5_000,
            )
    except (RuntimeError, ValueError, OptimizeWarning) as error:
        return None, f"the curve could not be fitted: {error}"
    spread = float(stdtrit(len(users) - len(terms), (1 + CONFIDENCE) / 2))  # Student's t
    retrograde_least = terms[2] - spread * math.sqrt(covariance[2, 2])
    if not retrograde_least > 0:
        return (
            None,
            "the decline beyond the peak is within the scatter of the levels (the retrograde term may be zero)",
        )
    peak = _peak(terms)
    least, most = users.min(), users.max()
    if peak[0] < least:
        return (
            None,
            f"the fitted curve only falls, from the lowest level run on, {least:.0f} users: no peak was seen",
        )
    if peak[0] > most:
        return (
            None,
            f"the fitted peak, {peak[0]:.0f} users, lies beyond the highest level run, {most:.0f} users",
        )
    first, contention, retrograde = (float(term) for term in terms)
    fit = Fit(
        first_rps=first,
        contention=contention,
        retrograde=retrograde,
        peak_users=peak[0],
        peak_rps=peak[1],
        users_interval=_interval(0, terms, covariance, spread),
        rps_interval=_interval(1, terms, covariance, spread),
    )
    return fit, "the peak lies inside the levels that were run"


def _peak(terms: np.ndarray) -> tuple[float, float]:
    """The users and the goodput at the peak."""
    at = math.sqrt(max(0.0, 1 - terms[1]) / terms[2])
    return at, float(_law(np.array([at]), *terms)[0])


def _interval(place: int, terms: np.ndarray, covariance: np.ndarray, spread: float) -> tuple[float, float]:
    """The interval of users (0) or goodput (1) at the peak, from the covariance by the delta method."""
    steps = np.maximum(np.abs(terms), 1e-9) * 1e-4
    slopes = np.array(
        [
            (_peak(terms + change)[place] - _peak(terms - change)[place]) / (2 * step)
            for change, step in zip(np.diag(steps), steps, strict=True)
        ]
    )
    half = spread * math.sqrt(max(0.0, float(slopes @ covariance @ slopes)))
    centre = _peak(terms)[place]
    return max(0.0, centre - half), centre + half
