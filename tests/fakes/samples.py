"""Times of calls of known distributions, and what their percentiles really are: for intervals to be held against."""

from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np

Made = Callable[[np.random.Generator, int], np.ndarray]


def correlated(rng: np.random.Generator, calls: int, with_last: float) -> np.ndarray:
    """Each time resembles the one before: the exponential of an AR(1) process."""
    from scipy.signal import lfilter

    noise = rng.standard_normal(calls + 500) * np.sqrt(1 - with_last**2)
    return np.asarray(np.exp(lfilter([1], [1, -with_last], noise)[500:]))


def stalls(rng: np.random.Generator, calls: int) -> np.ndarray:
    """10 ms, but in one of two hundred calls a stall begins that the next ten or so meet, too: 100 to 300 ms more."""
    slow = np.zeros(calls + 400, dtype=bool)
    for first in np.flatnonzero(rng.random(calls + 400) < 0.005):
        slow[first : first + rng.geometric(0.1)] = True
    return rng.lognormal(0, 0.3, calls) * 10 + slow[400:] * rng.uniform(100, 300, calls)


MADE: Final[dict[str, Made]] = {
    "log-normal": lambda rng, calls: rng.lognormal(0, 1, calls),
    "exponential": lambda rng, calls: rng.exponential(1, calls),
    "bimodal": lambda rng, calls: np.where(rng.random(calls) < 0.9, 1, 20) * rng.lognormal(0, 0.1, calls),
    "correlated 0.5": lambda rng, calls: correlated(rng, calls, 0.5),
    "correlated 0.9": lambda rng, calls: correlated(rng, calls, 0.9),
    "stalls": stalls,
}


@cache
def truth(name: str, quantile: float) -> float:
    """The percentile of a million calls."""
    rng = np.random.default_rng(0)
    return float(np.quantile(np.concatenate([MADE[name](rng, 50_000) for _ in range(20)]), quantile))
