"""Detect warm-up that was still going on in the measured part of a step: its first calls were slower.

    start_ns                                            end_ns, or the first fault
       |# # # #|. . . . . . . . . . . . . . . . . . . . . . |     a mark: the median response time of a part
       |-------| warming_up_s                                     (tests/analysis/levels/test_warming.py)

A contract fixes what is measured: from the settling time on, a fifth of the hold and 2 s at most. This does not change
it. It says when that was not enough, so that somebody can give the run a warm-up.

Definitions. The measured time until the first fault is cut into `PARTS_MOST` parts of equal length at most, each
`PART_S` and (on average) `CALLS` calls long at least; with fewer than `PARTS_LEAST` nothing is said. Of every split into
a first part (half at most) and the rest the logarithms of the medians are compared: the difference of their means by
its standard error, which allows for medians that follow their neighbours (the scatter is widened by the correlation of
each with the next). The split with the greatest ratio is warm-up when

- that ratio is at least `CERTAIN`,
- nearly all medians before it (`ABOVE`) are above nearly all behind it, and stand out: no stretch of the same length
  behind it comes half as high above the rest, and
- the median call before it took at least 40 % and a millisecond longer than the one behind it.

Simulated on steady noise (independent, and correlated by 0.8 from part to part) it is seen in at most 1 of 100 steps; a
first fifth that is twice as slow in at least 90 of 100.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.analysis.calls.calls import OK, Calls
from harness.analysis.levels.steps import Step
from harness.analysis.statistics.spans import Span
from harness.foundation.units import NS_PER_MS, NS_PER_S

Floats = npt.NDArray[np.float64]

PARTS_LEAST: Final = 10
PARTS_MOST: Final = 40
PART_S: Final = 0.25
CALLS: Final = 8
CALLS_LEAST: Final = 4  # the least calls of a part that is used
SPLIT_LEAST: Final = 2  # one slow part may be chance
CERTAIN: Final = 4.5
ABOVE: Final = 0.8
STANDS_OUT: Final = 0.5
SLOWER: Final = 1.4
SLOWER_MS: Final = 1.0
CORRELATED_MOST: Final = 0.9


@dataclass(frozen=True, slots=True)
class Warming:
    """How long the step was still warming up, and the median response times before and after that."""

    seconds: float
    before_ms: float
    after_ms: float


def measure(load: Calls, step: Step, disturbed: Sequence[Span] = ()) -> Warming | None:
    """The warm-up in one step; None when it was steady from the start, or has too few calls."""
    faults = [start for start, end in disturbed if end > step.start_ns]
    end_ns = min([step.end_ns, *faults])
    if end_ns <= step.start_ns:
        return None
    begun = load.between(step.start_ns, end_ns)
    begun = begun.take(begun.kind == OK)
    response_ms = (begun.done_ns - begun.intended_ns) / NS_PER_MS
    return find(
        (begun.intended_ns - step.start_ns) / NS_PER_S, response_ms, (end_ns - step.start_ns) / NS_PER_S
    )


def find(at_s: Floats, response_ms: Floats, span_s: float) -> Warming | None:
    """The warm-up among calls in order, given when they began (s) and their response times (ms)."""
    count = int(min(PARTS_MOST, span_s / PART_S, len(at_s) / CALLS))
    if count < PARTS_LEAST:
        return None
    width_s = span_s / count
    edges = np.searchsorted(at_s, np.arange(1, count) * width_s)
    parts = np.split(response_ms, edges)
    seconds = [number for number in range(count) if len(parts[number]) >= CALLS_LEAST]
    if len(seconds) < PARTS_LEAST:
        return None
    medians = np.log([max(float(np.median(parts[number])), 1e-6) for number in seconds])
    split = _split(medians)
    if split is None:
        return None
    until_s = seconds[split] * width_s
    first = int(np.searchsorted(at_s, until_s))
    before_ms, after_ms = float(np.median(response_ms[:first])), float(np.median(response_ms[first:]))
    if before_ms < after_ms * SLOWER or before_ms - after_ms < SLOWER_MS:
        return None
    return Warming(until_s, before_ms, after_ms)


def _split(medians: Floats) -> int | None:
    """The number of first medians that are certainly higher than the rest; None when there are none."""
    ratios = [_ratio(medians, split) for split in range(SPLIT_LEAST, len(medians) // 2 + 1)]
    best = int(np.argmax(ratios))
    split = best + SPLIT_LEAST
    if ratios[best] < CERTAIN:
        return None
    before, after = medians[:split].mean(), medians[split:]
    if np.mean(medians[:split] > np.quantile(after, ABOVE)) < ABOVE:
        return None
    highest = np.convolve(after, np.full(split, 1 / split), mode="valid").max()
    return split if highest - after.mean() <= STANDS_OUT * (before - after.mean()) else None


def _ratio(medians: Floats, split: int) -> float:
    """The difference between the means before and after the split, in standard errors."""
    before, after = medians[:split], medians[split:]
    left = np.concatenate([before - before.mean(), after - after.mean()])
    count = len(medians)
    variance = float(left @ left) / (count - 2)
    if variance <= 0:
        return np.inf if before.mean() > after.mean() else 0.0
    neighbours = float(left[1:] @ left[:-1]) / float(left @ left)
    # From so few values, the correlation is underestimated.
    correlated = min(max(neighbours + (1 + 3 * neighbours) / count, 0.0), CORRELATED_MOST)
    variance *= (1 + correlated) / (1 - correlated)
    error = (variance * (1 / split + 1 / (count - split))) ** 0.5
    return float((before.mean() - after.mean()) / error)


def rounded_s(warming: Warming | None) -> float | None:
    """The value of `warming_up_s` of a step in the summary."""
    return None if warming is None else round(warming.seconds, 3)
