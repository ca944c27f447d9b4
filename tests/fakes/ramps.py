"""Ramps without a server: each call fails by chance, with a share that is known; levels are decided as the conductor does it."""

from typing import Final

import numpy as np

from harness.analysis.levels.breaking_point import REPEATS_MOST, broke, settled, weigh
from harness.analysis.levels.steps import Judged

LIMIT: Final = 0.95


def judged(rate: float | None, count: int = 1000, worth: float = 0.0, not_sent: int = 0) -> Judged:
    """A run of a level with this success rate."""
    if rate is None:
        return Judged(0, 0, 0, None)
    ok = round(rate * count)
    return Judged(count, ok, count - ok, ok / count, not_sent, worth)


def breaks(rng: np.random.Generator, failing: float, calls: int, levels: int = 10) -> bool:
    """Whether a ramp against a server that always fails this share finds a breaking point."""

    def run() -> Judged:
        return judged(1 - rng.binomial(calls, failing) / calls, calls)

    for _ in range(levels):
        if not broke(run().answered_rate, LIMIT):
            continue
        repeats = [run()]
        while weigh(repeats, LIMIT) == "open" and len(repeats) < REPEATS_MOST:
            repeats.append(run())
        if settled(repeats, LIMIT, went_on=False) != "good":
            return True
    return False
