"""Estimate how many independent calls a run's calls are worth, when neighbours fail or slow down together.

A stall slows down every call that meets it: twenty slow calls in one stall say as much about the server as one. So a
share of calls (of failures, of calls slower than a bound) is less certain than the number of calls suggests.

Method. The calls are cut, in their order, into blocks: three times, into about 8, 16 and 32. When the shares of the
blocks differ more than those of independent calls would (a chi-square test), the ratio of the two variances, the *design
effect*, divides the number of calls. Few blocks give a rough ratio, so Student's t takes the place of the normal
distribution (the adjustment of Korn and Graubard). The smallest number of the three counts, and never more than there
were calls. Parts of a run that differ by design (levels of a ramp, the time of a fault) are cut by themselves: only what
varies inside of them counts.

It cannot see bursts that are as long as the run, or that did not occur in it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import special

BLOCKS: Final = 8  # the fewest, over all parts; cut in two twice
CUTS: Final = 4  # pieces per block
SUSPECT: Final = 0.1  # how rarely independent calls look correlated
PART_LEAST: Final = 2 * CUTS  # a part with fewer calls is joined to the one before

Numbers = npt.NDArray[Any]


def effective(marked: npt.NDArray[np.bool_], parts: Sequence[int], tail: float) -> float:
    """The number of independent calls that these are worth; `parts` are the lengths of their stretches."""
    count = len(marked)
    hits = int(np.count_nonzero(marked))
    if hits in {0, count} or count < PART_LEAST:
        return float(count)
    share = hits / count
    return max(1.0, min((one for one in _worths(marked, parts, share, tail)), default=float(count)))


def _worths(
    marked: npt.NDArray[np.bool_], parts: Sequence[int], share: float, tail: float
) -> Iterator[float]:
    """The effective number of calls for each block size; all calls where no correlation shows."""
    count = len(marked)
    blocks, edges = cuts(parts)
    hits = np.add.reduceat(marked, edges, dtype=np.float64)
    sizes = np.diff([*edges, count]).astype(np.float64)
    for wide in (1, 2, CUTS):
        variance, freedom = spread(joined(hits, wide), joined(sizes, wide), [one // wide for one in blocks])
        effect = variance / (count * share * (1 - share))
        if effect * freedom > special.chdtri(freedom, SUSPECT):
            yield count / effect * float(special.ndtri(tail) / special.stdtrit(freedom, tail)) ** 2
        else:
            yield float(count)


def cuts(parts: Sequence[int]) -> tuple[list[int], list[int]]:
    """The number of pieces in each part, and the index at which each piece begins."""
    whole = _with_calls_enough(parts)
    count, began = sum(whole), 0
    blocks: list[int] = []
    edges: list[int] = []
    for part in whole:
        pieces = min(part // CUTS * CUTS, pieces_of(part / count))
        blocks.append(pieces)
        edges += [began + part * piece // pieces for piece in range(pieces)]
        began += part
    return blocks, edges


def pieces_of(share: float) -> int:
    """The number of pieces for a part of this share of the whole."""
    return CUTS * max(2, round(BLOCKS * share))


def _with_calls_enough(parts: Sequence[int]) -> list[int]:
    whole: list[int] = []
    for part in parts:
        if whole and (part < PART_LEAST or whole[-1] < PART_LEAST):
            whole[-1] += part
        else:
            whole.append(part)
    return whole


def spread(totals: Numbers, sizes: Numbers, blocks: Sequence[int]) -> tuple[float, int]:
    """The variance of the sum of all blocks, estimated within the parts, and its degrees of freedom."""
    variance, freedom, first = 0.0, 0, 0
    for many in blocks:
        own = slice(first, first + many)
        first += many
        if many < 2:
            continue
        away = totals[own] - sizes[own] * (totals[own].sum() / sizes[own].sum())
        variance += many / (many - 1) * float(np.sum(away**2))
        freedom += many - 1
    return variance, max(freedom, 1)


def joined(pieces: Numbers, wide: int) -> Numbers:
    """Add up neighbouring pieces; every part has a multiple of `CUTS`, so no sum crosses its end."""
    together: Numbers = pieces.reshape(-1, wide).sum(axis=1)
    return together
