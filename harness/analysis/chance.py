"""What chance alone may show in a few calls, when nothing has changed.

Assumptions: the calls of a second are drawn from those before it, one by one. Real calls come in better and
worse seconds; who asks here must allow for that as well.

`RARE` is how often a second that is like those before is called different: one in a thousand.
"""

from functools import lru_cache
from math import exp, lgamma, log
from typing import Final

import numpy as np

RARE: Final = 0.001
CALLS_MOST: Final = 2_000  # with more calls chance does not show much less


@lru_cache(maxsize=4096)
def median_level(count: int) -> float:
    """The quantile of all calls that the median of `count` of them exceeds only rarely: 1 call 0.999, many 0.5."""
    count = max(1, min(count, CALLS_MOST))
    least = count // 2 + 1  # so many calls above it lift the median above it
    low, high = 0.0, 0.5
    for _ in range(30):
        share = (low + high) / 2
        low, high = (share, high) if _at_least(least, count, share) <= RARE else (low, share)
    return 1.0 - low


@lru_cache(maxsize=4096)
def failures_most(count: int, failed: int, decided: int) -> int:
    """The failures in `count` calls that are only rarely exceeded, after `failed` of `decided` calls failed.

    The share of failures is not known but estimated: after a hundred good calls one bad one is no surprise.
    (Beta-binomial with Jeffreys' prior.)
    """
    among = max(1, min(count, CALLS_MOST))
    a, b = failed + 0.5, decided - failed + 0.5
    k = np.arange(among)
    steps = np.log((among - k) * (a + k)) - np.log((k + 1) * (b + among - k - 1))
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    weights = np.exp(logs - logs.max())
    tail = np.cumsum((weights / weights.sum())[::-1])[::-1]  # tail[k]: the chance of k or more
    most = int(np.searchsorted(-tail, -RARE)) - 1  # tail[most + 1] <= RARE
    return most if among == count else -(-most * count // among)


def pause_most_s(calls_per_s: float) -> int:
    """The seconds in a row without a call that are only rarely exceeded when calls come at random."""
    return int(-log(RARE) / calls_per_s) if calls_per_s > 0 else 0


def _at_least(least: int, count: int, share: float) -> float:
    """The chance that at least so many of `count` fall into a share."""
    if share <= 0:
        return 0.0
    whole = lgamma(count + 1)
    return sum(
        exp(whole - lgamma(k + 1) - lgamma(count - k + 1) + k * log(share) + (count - k) * log(1 - share))
        for k in range(least, count + 1)
    )
