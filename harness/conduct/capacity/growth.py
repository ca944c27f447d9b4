"""Does something grow with every session? The slope of a reading over the sessions that are over, with its interval. Pure.

A server under a steady churn of sessions fills caches first (its warm-up), and its memory jumps by pages and is given back
in lumps. So a single difference says nothing. Definitions:

block       the readings are cut into pieces with equally many sessions; the lowest reading of each counts, which is what is
            left after the server has tidied up. The pieces are made larger until neighbours no longer resemble each other
warm-up     the first blocks, as many as make the growth of the rest most certain (MSER, the marginal standard error rule),
            at most half of them; where the rest still bends like a curve that levels off, that curve is taken out as well
growth      the slope over sessions of what is left, by least squares; the interval allows for neighbours that resemble
            each other (AR(1)), and for a random walk where they resemble each other too much for that
leaks       the interval is surely above zero, every third of the measured part grows, and without its few largest steps
            most of the growth would still be there
undecided   it grows, but ever more slowly or in a few steps: perhaps the warm-up, perhaps not
none_above  anything else: no growth above the interval's upper end can be there
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from scipy import special

BLOCKS: Final = (48, 32, 24, 16)
READINGS_LEAST: Final = 24  # fewer say nothing
THIRDS: Final = 3
LARGEST: Final = 4  # steps without which a growth must still be there
STILL_GROWS: Final = 0.5  # the share of it that must be
INDEPENDENT: Final = 0.3  # how much neighbours may resemble each other
WALK: Final = 0.8  # and from where on they are a random walk
BENDS: Final = (
    1 / 12,
    1 / 8,
    1 / 6,
    1 / 4,
    1 / 3,
    1 / 2,
    1.0,
)  # of the measured part: how long the levelling off takes
TAIL: Final = 0.025
SURE: Final = 0.001  # the tail for the claim that it leaks: a false one is worse than none

Numbers = npt.NDArray[Any]
Word = Literal["leaks", "none_above", "undecided", "too_few"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a server held when so many sessions were over."""

    at_s: float
    sessions: int
    value: float


@dataclass(frozen=True, slots=True)
class Growth:
    """Growth in units of the reading for one session."""

    word: Word
    per_session: float
    low: float
    high: float
    warm_up_sessions: int
    sessions: int  # after the warm-up


@dataclass(frozen=True, slots=True)
class _Line:
    slope: float
    error: float
    freedom: float
    alike: float  # how much neighbours resemble each other beside the line
    rest: float  # the sum of squares beside it
    apart: float = 0.0  # how far the slopes of other curves that fit as well are from this one

    def half(self, tail: float) -> float:
        return self.apart + self.error * float(special.stdtrit(self.freedom, 1 - tail))


NOTHING: Final = Growth("too_few", 0.0, 0.0, 0.0, 0, 0)


def growth(readings: Sequence[Reading]) -> Growth:
    """The growth for one session, and what can be said of it."""
    if len(readings) < READINGS_LEAST or readings[-1].sessions <= readings[0].sessions:
        return NOTHING
    best = max(_by_block_size(readings), key=lambda one: one[1].half(TAIL))
    (x, y, warm_up), line = best
    half = line.half(TAIL)
    return Growth(
        _word(x, y, line),
        line.slope,
        line.slope - half,
        line.slope + half,
        int(warm_up),
        int(x[-1] - x[0]),
    )


def _by_block_size(readings: Sequence[Reading]) -> Iterator[tuple[tuple[Numbers, Numbers, float], _Line]]:
    """The blocks that count and their line, for smaller and larger blocks, until neighbours are independent."""
    for many in BLOCKS:
        if many > len(readings):
            continue
        x, y = _blocks(readings, many)
        first = _warm_up(y)
        x, y, warm_up = x[first:], y[first:], float(x[first]) if first else 0.0
        line = _line(x, y)
        yield (x, y, warm_up), line
        if line.alike < INDEPENDENT:
            return


def _blocks(readings: Sequence[Reading], many: int) -> tuple[Numbers, Numbers]:
    """The number of sessions and the lowest reading of each block."""
    sessions = np.array([one.sessions for one in readings], dtype=np.float64)
    values = np.array([one.value for one in readings], dtype=np.float64)
    edges = np.linspace(sessions[0], sessions[-1], many + 1)
    at = np.clip(np.searchsorted(edges, sessions, side="right") - 1, 0, many - 1)
    lowest = [_lowest(values, np.flatnonzero(at == block)) for block in range(many) if np.any(at == block)]
    return sessions[lowest], values[lowest]


def _lowest(values: Numbers, where: Numbers) -> int:
    """The index of the lowest value there; of several equal ones the one in the middle."""
    least = np.flatnonzero(values[where] == values[where].min())
    return int(where[least[len(least) // 2]])


def _warm_up(y: Numbers) -> int:
    """How many blocks to leave out, so that the mean step of the rest is most certain."""
    steps = np.diff(y)
    errors = [float(np.var(steps[cut:])) / (len(steps) - cut) for cut in range(len(y) // 2 + 1)]
    return int(np.argmin(errors))


def _line(x: Numbers, y: Numbers) -> _Line:
    """The line through the blocks: of a straight one, and of those beside a curve that levels off, all that fit about as well.

    The slope is that of the best; the interval covers those of the others.
    """
    straight = _fitted(x, y, ())
    lines = [straight] + [_fitted(x, y, (np.exp(-(x - x[0]) / (x[-1] - x[0]) / bend),)) for bend in BENDS]
    count = max(2.0, len(x) * (1 - straight.alike) / (1 + straight.alike))  # independent ones
    best = min(one.rest for one in lines)
    likely = [one for one in lines if one.rest <= best * (1 + 4 / count)]
    first = straight if straight in likely else min(lines, key=lambda one: one.rest)
    apart = max(abs(one.slope - first.slope) for one in likely)
    return replace(first, apart=apart)


def _fitted(x: Numbers, y: Numbers, more: tuple[Numbers, ...]) -> _Line:
    """Least squares; the error of the slope allows for neighbours that resemble each other."""
    scale = float(x[-1] - x[0])
    design = np.column_stack([(x - x.mean()) / scale, np.ones_like(x), *more])
    answer, *_ = np.linalg.lstsq(design, y - y.mean(), rcond=None)
    rest = y - y.mean() - design @ answer
    power, freedom = float(rest @ rest), len(x) - design.shape[1]
    slope = float(answer[0]) / scale
    if power <= 1e-9 * max(1.0, float(y @ y)) / len(y) * 1e-6:
        return _Line(slope, 0.0, float(freedom), 0.0, power)
    alike = float(rest[1:] @ rest[:-1]) / power
    alike = min(
        0.99, max(0.0, alike + (1 + 3 * alike) / len(x))
    )  # a short series looks less alike than it is
    longer = (1 + alike) / (1 - alike)
    spread = float(np.linalg.inv(design.T @ design)[0, 0])
    error = math.sqrt(power / freedom * spread * longer) / scale
    if alike > WALK:
        steps = np.diff(rest)
        error = max(error, math.sqrt(float(steps @ steps)) / scale)
    return _Line(slope, error, max(3.0, freedom / longer), alike, power)


def _word(x: Numbers, y: Numbers, line: _Line) -> Word:
    if line.slope - line.half(SURE) <= 0:
        return "none_above"
    edges = [round(len(x) * part / THIRDS) for part in range(THIRDS + 1)]
    ends = list(itertools.pairwise(edges))
    thirds = [float(y[min(b, len(y) - 1)] - y[a]) / float(x[min(b, len(x) - 1)] - x[a]) for a, b in ends]
    steps = np.sort(np.diff(y))
    without = float(steps[:-LARGEST].sum())
    steady = without > STILL_GROWS * line.slope * float(x[-1] - x[0])
    return "leaks" if steady and min(thirds) > 0 and thirds[-1] > STILL_GROWS * line.slope else "undecided"
