"""Whether a series is flat: decided by a robust slope and its interval, after a warm-up.

    values     .:'''''':'':'..:'':''':'   the first WARM_UP of the time is left out
    medians          o   o   o   o  o     of blocks: neighbours in time are alike, their medians less so
    slope      the median of the slopes of all pairs (Theil and Sen), with Kendall's interval of 95 %

Over the time that was watched, the lower end of the interval makes a growth that is certain, the upper end one that cannot
be excluded. A growth is one when it is more than `allowed`.

    grows      more than that is certain
    flat       more than that is excluded
    open       neither: watch for longer
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import median
from typing import Final

WARM_UP: Final = 0.5
BLOCKS_MOST, BLOCKS_LEAST = 20, 5
GROWS, FLAT, OPEN = "grows", "flat", "open"


@dataclass(frozen=True, slots=True)
class Found:
    """The level after the warm-up, and how much it changes in a second: estimate and interval."""

    word: str
    level: float = 0.0
    slope: float = 0.0
    low: float = 0.0
    high: float = 0.0


def judge(times_s: Sequence[float], values: Sequence[float], allowed: float, share: float) -> Found:
    """Of one series; `allowed` growth over the time watched, or a `share` of the level, whichever is more."""
    points = _blocks(times_s, values)
    if len(points) < BLOCKS_LEAST:
        return Found(OPEN, level=median(values) if values else 0.0)
    level = median(value for _, value in points)
    slopes = sorted((b - a) / (t - s) for (s, a), (t, b) in combinations(points, 2))
    count = len(points)
    spread = 1.96 * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    first = max(0, math.floor((len(slopes) - spread) / 2))
    low, high = slopes[first], slopes[len(slopes) - 1 - first]
    watched_s = points[-1][0] - points[0][0]
    most = max(allowed, share * level)
    word = GROWS if low * watched_s > most else FLAT if high * watched_s <= most else OPEN
    return Found(word, level, median(slopes), low, high)


def _blocks(times_s: Sequence[float], values: Sequence[float]) -> list[tuple[float, float]]:
    """The middle and the median of each."""
    if not times_s:
        return []
    from_s = times_s[0] + WARM_UP * (times_s[-1] - times_s[0])
    kept = [pair for pair in zip(times_s, values, strict=True) if pair[0] >= from_s]
    count = min(BLOCKS_MOST, len(kept))
    edges = [len(kept) * number // count for number in range(count + 1)] if count else []
    parts = [kept[begin:end] for begin, end in pairwise(edges)]
    return [(median(t for t, _ in part), median(value for _, value in part)) for part in parts]
