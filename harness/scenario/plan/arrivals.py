"""When calls arrive in open load: a schedule that nothing which happens later can move. Pure, by seed.

    constant at 4/s   |....|....|....|....|      every 250 ms, the first at once
    poisson at 4/s    ..|.|.......|....||..      at random: the pauses are exponential, 250 ms on average

Several workers deal one schedule out like cards: the first takes arrivals 0, n, 2n, ..., so their shares always
sum to the whole, and the same seed gives the same arrivals however many workers there are.
"""

from collections.abc import Iterator, Mapping
from itertools import count, islice
from random import Random

from harness.foundation.units import NS_PER_S
from harness.scenario.plan.plan import Arrivals


def offsets_ns(arrivals: Arrivals, seed: str) -> Iterator[int]:
    """Yield the time of each arrival in ns from the start of the step, without end."""
    if arrivals.kind == "poisson":
        return _poisson(arrivals.rate_per_s, Random(seed))
    # Computed from the arrival's number, not from the arrival before: rounding errors would add up.
    return (int(number * NS_PER_S / arrivals.rate_per_s) for number in count())


def share_ns(arrivals: Arrivals, seed: str, worker: int, workers: int) -> Iterator[int]:
    """The arrivals that one worker takes."""
    return islice(offsets_ns(arrivals, seed), worker, None, workers)


def _poisson(rate_per_s: float, rng: Random) -> Iterator[int]:
    at_s = 0.0
    while True:
        at_s += rng.expovariate(rate_per_s)
        yield int(at_s * NS_PER_S)


def split(whole: int, worker: int, workers: int) -> int:
    """The part of one worker in a number of users, calls or places; all parts add up to the whole."""
    return whole // workers + (worker < whole % workers)


def proportional(whole: int, sizes: Mapping[str, int]) -> dict[str, int]:
    """Split a number in proportion to sizes; the parts add up to the whole, and a size of 0 gets 0."""
    total, before, shares = sum(sizes.values()), 0, {}
    for name, size in sizes.items():
        shares[name] = whole * (before + size) // total - whole * before // total if total else 0
        before += size
    return shares
