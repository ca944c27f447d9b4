"""Limits on what chance alone shows in a few calls when nothing has changed.

Assumptions: the calls of a second are independent samples of the calls before. Real calls come in better and
worse seconds; callers of this module must allow for that, too.

`RARE` is how often a normal second is called different by mistake: one in a thousand. A caller that examines
several things at once divides it by their number, and passes the quotient as `rare`.
"""

from functools import lru_cache
from math import ceil, log
from typing import Final

import numpy as np
import numpy.typing as npt

RARE: Final = 0.001
CALLS_MOST: Final = 2_000  # above this, more calls hardly narrow the limits
CERTAIN: Final = 50  # with this many known values above a quantile, it is certain enough


@lru_cache(maxsize=4096)
def median_level(count: int, rare: float = RARE) -> float:
    """The quantile that the median of `count` calls exceeds only rarely: 1 call 0.999, many 0.5."""
    from scipy.special import betaincinv

    count = max(1, min(count, CALLS_MOST))
    least = count // 2 + 1  # with this many calls above a value, the median is above it
    # The chance that at least so many of `count` fall into a share of all is a regularised incomplete beta function.
    return 1.0 - min(0.5, float(betaincinv(least, count - least + 1, rare)))


@lru_cache(maxsize=16384)
def median_rank(count: int, known: int, rare: float = RARE) -> int | None:
    """The index in `known` sorted values that the median of `count` new ones rarely exceeds; None: too few.

    The share of new values above the k-th of n known ones is itself uncertain (a beta distribution), which matters
    when few are known: one new call in 61 is longer than the longest of sixty.
    """
    level = median_level(count, rare)
    if known * (1 - level) >= CERTAIN:
        return min(known, ceil(level * known)) - 1
    count = max(1, min(count, CALLS_MOST))
    least = count // 2 + 1
    low, high = 0, known  # by bisection: the first index that is rarely exceeded
    while low < high:
        middle = (low + high) // 2
        if float(_chances(count, known - middle, middle + 1)[least:].sum()) <= rare:
            high = middle
        else:
            low = middle + 1
    return low if low < known else None


def _chances(count: int, a: float, b: float) -> npt.NDArray[np.float64]:
    """The probability of each number out of `count`, none to all, when the share is beta-distributed.

    That is scipy.stats.betabinom, worked out from one number to the next: after millions of calls scipy's own, a difference
    of huge logarithms, is wrong in the eighth decimal, takes four times as long, and brings all of scipy.stats.
    """
    k = np.arange(count)
    steps = np.log((count - k) * (a + k)) - np.log((k + 1) * (b + count - k - 1))
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()  # type: ignore[no-any-return]


@lru_cache(maxsize=16384)
def failures_most(count: int, failed: int, decided: int, rare: float = RARE) -> int:
    """The number of failures in `count` calls that is rarely exceeded, given `failed` of `decided` before.

    The share of failures is not known but estimated: after a hundred good calls one bad one is no surprise.
    (Beta-binomial with Jeffreys' prior.)
    """
    among = max(1, min(count, CALLS_MOST))
    chances = _chances(among, failed + 0.5, decided - failed + 0.5)
    tail = np.cumsum(chances[::-1])[::-1]  # tail[k]: the chance of k or more
    most = int(np.searchsorted(-tail, -rare)) - 1  # tail[most + 1] <= rare
    return most if among == count else -(-most * count // among)


def pause_most_s(calls_per_s: float, rare: float = RARE) -> int:
    """The pause in seconds that is rarely exceeded when calls arrive at random."""
    return int(-log(rare) / calls_per_s) if calls_per_s > 0 else 0
