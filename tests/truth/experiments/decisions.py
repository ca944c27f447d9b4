"""What is decided, and how sure it is: simulated, many times, with the code that decides; no server.

Ten levels, limit 95 %: a server that fails 6 % breaks in at least 95 of 100 ramps, one that fails 4 % in at most 5.
A 95 % interval holds the truth in 95 of 100 runs: at least 93 for independent calls, 90 for correlated ones.
"""

import math
from collections.abc import Iterator

import numpy as np

from harness.analysis.statistics import confidence
from harness.analysis.statistics.confidence import TWO_ENDS
from tests.fakes.ramps import breaks
from tests.fakes.samples import MADE, truth
from tests.truth.rows import Form, Row, between

CALLS = (50, 200, 1000, 5000)
CORRELATED_FROM = {"correlated 0.5": 200, "correlated 0.9": 500, "stalls": 5000}  # fewer show nothing


def rows(form: Form) -> Iterator[Row]:
    rng = np.random.default_rng(1)
    tries = 100 if form.short else 2000
    for calls in (115, 400, 4000):
        for failing, low, high in ((0.06, 95.0, 100.0), (0.04, 0.0, 5.0)):
            broken = sum(breaks(rng, failing, calls) for _ in range(tries)) / tries * 100
            name = f"{failing:.0%} failures of {calls:,} calls a level: ramps of 100"
            yield between(f"{name} that broke", low or high, broken, low, high)
    tries = 50 if form.short else 400
    for name in MADE:
        least = 90.0 if name in CORRELATED_FROM else 93.0
        for calls in CALLS:
            if calls < CORRELATED_FROM.get(name, 0):
                continue
            for quantile in (0.5, 0.95, 0.99):
                if calls * (1 - quantile) >= 10 - 1e-9:
                    held = _held(rng, name, calls, quantile, tries)
                    yield between(f"{name}, {calls:,} calls: p{quantile * 100:.0f}", 95.0, held, least, 100.0)


def _held(rng: np.random.Generator, name: str, calls: int, quantile: float, tries: int) -> float:
    """In how many of a hundred runs the interval holds the truth."""
    right, held = truth(name, quantile), 0
    for _ in range(tries):
        values = MADE[name](rng, calls)
        at = float(np.sort(values)[math.ceil(calls * quantile - 1e-9) - 1])
        worth = confidence.effective_at(values, at, [calls], TWO_ENDS)
        low, high = confidence.percentile(values, worth, quantile, TWO_ENDS)
        held += low <= right <= high
    return held / tries * 100
