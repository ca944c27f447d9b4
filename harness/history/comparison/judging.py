"""Give each figure its word: how likely its change is by chance, whether it matters, how many more repeats would tell.

    regressed, improved   no chance (p below 0.05 after Holm, for the whole comparison), and beyond its gate
    equivalent            surely inside its gate: two one-sided tests at 5 % (TOST)
    inconclusive          neither

The family of a comparison is all its figures. Its false alarms, five in a hundred before the gate, are shared out in an
order (a gatekeeper: Holm's steps know how figures of one part belong together, harness.history.comparison.together):

    first     p95 of what the runs are about: 55 %
    leading   the other figures of that: 5 %, and those 55 % as well when every p95 is called
    rest      single operations and levels: 3 %

So six figures that tell of one change do not cost p95 its power, and the percentiles of a dozen operations nobody. What is
kept back is for noise that is not normal. Runs in turn get half: their line over time takes most of the drift, not all of it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy import special

from harness.history.comparison import together
from harness.history.comparison.comparison import Compared, Word
from harness.history.comparison.design import Floats
from harness.history.comparison.fitting import Fit
from harness.history.comparison.gates import Gates, by_ratio, size
from harness.history.comparison.measured import LOWER_IS_WORSE

CHANCE: Final = 0.05
FIRST, LEADING, REST = 0.55, 0.05, 0.03
FIRST_NAME: Final = "p95"
IN_TURN: Final = 1 / 2
REPEATS_MOST: Final = 50
POWER: Final = 0.9  # of so many more repeats
FIGURES: Final = 5  # of a step, beside its p95: throughput, success, p50, p90, p99


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its fitted change."""

    of: str
    name: str
    unit: str
    leading: bool
    fit: Fit
    whole: Fit | None = None  # with the runs that something disturbed; the same where there is none


def judged(
    figures: Sequence[Figure], gates: Gates, *, in_turn: bool = False, decides: bool = True
) -> tuple[Compared, ...]:
    """Every figure with its word."""
    leading = np.array([one.leading for one in figures], dtype=bool)
    first = leading & np.array([one.name == FIRST_NAME for one in figures], dtype=bool)
    matters = np.array([_matters(one, gates) for one in figures], dtype=bool)
    cost = 1 / IN_TURN if in_turn else 1.0
    after = np.ones(len(figures))
    alone = np.ones(len(figures))  # what of the level the figure would get if it stood alone
    passed_on = 0.0  # by families that are not there; by the first when all of it is called
    if_it_matters = 0.0
    for which, part in ((first, FIRST), (leading & ~first, LEADING), (~leading, REST)):
        if not which.any():
            passed_on += part
            continue
        share = part + passed_on
        after[which] = _shared(
            [one.fit for one, inside in zip(figures, which, strict=True) if inside], share / cost
        )
        alone[which] = (share + if_it_matters) / cost / which.sum()
        called = decides and which is first and bool((matters & (after < CHANCE))[which].all())
        passed_on = FIRST if called else 0.0
        if_it_matters = FIRST if which is first and not called and matters[which].all() else 0.0
    return tuple(
        _word(one, gates, float(p), CHANCE * float(level), decides=decides)
        for one, p, level in zip(figures, after, alone, strict=True)
    )


def level(name: str) -> float:
    """The chance of a false alarm of one leading figure of a usual comparison, of a step whose p95 changes, too."""
    return CHANCE * (FIRST if name == FIRST_NAME else (FIRST + LEADING) / FIGURES)


def _shared(family: Sequence[Fit], part: float) -> Floats:
    """The p of each figure of a family that has this part of the level; 1 where nothing could be called."""
    if min(map(_chance, family)) >= part:
        return np.ones(len(family))
    return np.minimum(1.0, adjusted(family) / part)


def adjusted(family: Sequence[Fit]) -> Floats:
    """The p of each figure of a family: Holm's, of figures of the same runs together; a group for its share of the level."""
    alone = np.array([_chance(one) for one in family])
    by_holm = holm(alone)
    groups: dict[bytes, list[int]] = {}
    for at, one in enumerate(family):
        if one.space is not None:
            groups.setdefault(one.rows, []).append(at)
    for group in (one for one in groups.values() if len(one) > 1):
        spaces = np.array([family[at].space for at in group]).T
        joint = together.chances(spaces) * len(family) / len(group)
        raised = np.array([family[at].raised for at in group])
        by_holm[group] = np.where(raised, np.maximum(joint, by_holm[group]), joint)
    return by_holm


def holm(
    chances: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Holm's p: the smallest is multiplied by their number, the next by one less, and none is below one before it."""
    order = np.argsort(chances)
    steps = np.minimum(1.0, np.maximum.accumulate(chances[order] * (len(chances) - np.arange(len(chances)))))
    corrected = np.empty(len(chances))
    corrected[order] = steps
    return corrected


def _chance(fit: Fit) -> float:
    if not fit.known():
        return 1.0
    if fit.error == 0:
        return 1.0 if fit.change == 0 else 0.0
    return 2 * float(special.stdtr(fit.freedom, -abs(fit.change / fit.error)))


def _word(figure: Figure, gates: Gates, p: float, level: float, *, decides: bool) -> Compared:
    fit = figure.fit
    ratio = by_ratio(figure.name, figure.unit)
    out = math.exp if ratio else float
    gate = _gate(figure, gates)
    sign = -1 if figure.name in LOWER_IS_WORSE else 1
    worse = fit.change * sign
    whole = figure.whole or fit
    known = decides and fit.known()
    half = whole.error * _t(whole.freedom, 0.95) if known and whole.known() else math.inf
    at_most = abs(whole.change) + half
    word: Word = "inconclusive"
    if known and p < CHANCE and abs(worse) > gate:
        word = "regressed" if worse > 0 else "improved"
    elif known and at_most < gate:
        word = "equivalent"
    wide = fit.error * _t(fit.freedom, 0.975) if known else math.inf
    return Compared(
        of=figure.of,
        name=figure.name,
        unit=figure.unit,
        a=_finite(out(fit.a)),
        b=_finite(out(fit.b)),
        ratio=ratio,
        change=_finite(as_shown(fit.change, ratio=ratio)),
        interval=(as_shown(fit.change - wide, ratio=ratio), as_shown(fit.change + wide, ratio=ratio))
        if known
        else None,
        gate=_finite(as_shown(gate, ratio=ratio)),
        p=p if known else None,
        word=word,
        may_be_worse=not max(worse, whole.change * sign) + half < gate,
        more_repeats=more_repeats(fit, gate, level) if word == "inconclusive" and known else None,
        leading=figure.leading,
    )


def _gate(figure: Figure, gates: Gates) -> float:
    """The gate of a figure on its scale, at the level of A."""
    if not math.isfinite(figure.fit.a):
        return math.nan
    level = math.exp(figure.fit.a) if by_ratio(figure.name, figure.unit) else figure.fit.a
    return size(gates, figure.name, figure.unit, level)


def _matters(figure: Figure, gates: Gates) -> bool:
    return abs(figure.fit.change) > _gate(figure, gates)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def as_shown(change: float, *, ratio: bool) -> float:
    """A change on the scale as it is told: a ratio as a share more or less."""
    return math.expm1(min(change, 700.0)) if ratio else change


def more_repeats(fit: Fit, gate: float, level: float) -> int | None:
    """Return how many more repeats a side would give this figure a word, nine times of ten, if they are like the runs so far."""
    n = min(fit.runs)
    for repeats in range(n + 1, n + REPEATS_MOST + 1):
        error = fit.error / math.sqrt(repeats / n)
        freedom = fit.freedom + (repeats - n) * 2
        if abs(fit.change) > gate:
            least = max(_t(freedom, 1 - level / 2), gate / error)
            if special.nctdtr(freedom, abs(fit.change) / error, least) <= 1 - POWER:
                return repeats - n
        elif abs(fit.change) + error * (_t(freedom, 0.95) + _t(freedom, (1 + POWER) / 2)) < gate:
            return repeats - n
    return None


@lru_cache(maxsize=4096)
def _t(freedom: float, share: float) -> float:
    return float(special.stdtrit(freedom, share))
