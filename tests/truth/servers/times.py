"""Calls that take times of a known distribution, however many there are at once: no queue, no limit.

    fixed      20 ms, always
    bimodal    5 ms, or 100 ms in 15 of 100 calls
    lognormal  20 ms in the middle, sigma 0.5

The distributions are here in both directions: a server draws from them, an experiment asks for their quantiles.
`read_only` marks the tool as one that changes nothing.
"""

import math
from collections.abc import Callable
from random import Random
from statistics import NormalDist

from tests.truth.servers.door import Call

FAST_S, SLOW_S, SLOW_SHARE = 0.005, 0.100, 0.15
MIDDLE_S, SIGMA = 0.020, 0.5

Quantile = Callable[[float], float]
QUANTILES: dict[str, Quantile] = {
    "fixed": lambda q: MIDDLE_S,
    "bimodal": lambda q: FAST_S if q <= 1 - SLOW_SHARE else SLOW_S,
    "lognormal": lambda q: math.exp(math.log(MIDDLE_S) + SIGMA * NormalDist().inv_cdf(q)),
}
MEANS_S = {
    "fixed": MIDDLE_S,
    "bimodal": FAST_S + SLOW_SHARE * (SLOW_S - FAST_S),
    "lognormal": MIDDLE_S * math.exp(SIGMA**2 / 2),
}


class Times:
    """One tool, `wait`."""

    def __init__(self, kind: str = "fixed", seconds: float | None = None, *, read_only: bool = False) -> None:
        self.tools = {"wait": {"annotations": {"readOnlyHint": True}} if read_only else {}}
        self._quantile: Quantile = QUANTILES[kind] if seconds is None else lambda q: seconds
        self._random = Random(kind)

    def call(self, call: Call) -> None:
        seconds = self._quantile(self._random.random() or 0.5)
        if seconds:
            call.after(seconds)
        else:
            call.ok()
