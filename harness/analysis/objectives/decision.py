"""Whether an objective is held, missed, or cannot be decided.

A run is a sample of what the server does. So a share, a percentile, a rate or a mean is compared with its bound by a 95 %
interval (harness.analysis.statistics.confidence): *held* when the whole interval is on the right side, *missed* when the whole of it
is on the wrong one, *undecided* otherwise, and then the verdict is unknown. The reason says how many calls would decide.
A percentile is decided by the share of calls on either side of its bound, so any number of calls can decide it; how many
are needed to print it is another matter (harness.analysis.calls.latency).

What is compared as it is: counts, the slowest call, recovery, and bounds that no sample can prove: `success_rate >= 100%`
and `==`. One failure misses them, and without one they are held.

The generator's own part: it makes calls look slower, never quicker. A latency that misses its bound only by what the
generator may have added is undecided; one that is held with it is held.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from harness.analysis.calls.calls import Ints
from harness.analysis.statistics import confidence, correlation
from harness.analysis.statistics.confidence import ONE_END, Interval
from harness.analysis.statistics.rounding import show
from harness.foundation.units import NS_PER_MS
from harness.scenario.catalogue import QUANTILES
from harness.scenario.objectives import Objective

Flags = npt.NDArray[np.bool_]
Word = Literal["held", "missed", "undecided"]
HELD: Final = "held"
MISSED: Final = "missed"
UNDECIDED: Final = "undecided"
UPPER: Final = ("<", "<=")  # objectives that want a small value


@dataclass(frozen=True, slots=True)
class ObjectiveDecision:
    """The decision and its interval; `low` and `high` are in the unit of the metric."""

    word: Word
    low: float = 0.0
    high: float = math.inf
    why: str = ""  # why it could not be decided


def exact(objective: Objective, value: float) -> ObjectiveDecision:
    """Compare the value itself."""
    return ObjectiveDecision(HELD if objective.holds(value) else MISSED, value, value)


def success(objective: Objective, good: Flags, parts: Sequence[int]) -> ObjectiveDecision:
    """Decide on a share of calls, in their order; `parts` are the numbers of calls in each span."""
    hits, count = int(np.count_nonzero(good)), len(good)
    if objective.op == "==" or not _provable(objective):
        return exact(objective, hits / count)
    worth = correlation.effective(good, parts, ONE_END)
    low, high = confidence.share(hits * worth / count, worth, ONE_END)
    word = _word(objective, (low, high))
    return ObjectiveDecision(
        word, low, high, "" if word != UNDECIDED else _more(hits, count, worth, objective.value)
    )


def percentile(
    objective: Objective, durations_ns: Ints, parts: Sequence[int], added_ms: float = 0.0
) -> ObjectiveDecision:
    """Decide on a percentile; failures are the largest number. `added_ms`: the generator's part at most."""
    if objective.op == "==":
        return ObjectiveDecision(UNDECIDED, why="a percentile cannot be tested for equality (==)")
    quantile = QUANTILES[objective.metric] / 1000
    word, worth = _by_share(objective, durations_ns, parts, quantile, objective.value)
    low, high = _milliseconds(confidence.percentile(durations_ns, worth, quantile, ONE_END))
    spared, _ = _by_share(objective, durations_ns, parts, quantile, objective.value + added_ms)
    if added_ms and word != spared:
        part = f"the load generator itself may have added {show(added_ms, 'ms')} to {objective.metric}"
        return ObjectiveDecision(UNDECIDED, low, high, f"{part}, which is as much as the margin")
    if word != UNDECIDED:
        return ObjectiveDecision(word, low, high)
    under = int(np.count_nonzero(beneath(objective, durations_ns, objective.value)))
    return ObjectiveDecision(word, low, high, _more(under, len(durations_ns), worth, quantile))


def mean(
    objective: Objective, durations_ns: Ints, parts: Sequence[int], added_ms: float = 0.0
) -> ObjectiveDecision:
    """Decide on the mean response time of calls that all succeeded."""
    low, high = _milliseconds(confidence.mean(durations_ns, parts, ONE_END))
    word = _word(objective, (low, high))
    if added_ms and word != _word(objective, (low - added_ms, high - added_ms)):
        return ObjectiveDecision(
            UNDECIDED, low, high, f"the load generator itself may have added {show(added_ms, 'ms')}"
        )
    return ObjectiveDecision(
        word, low, high, "" if word != UNDECIDED else "more calls would narrow the interval"
    )


def rate(objective: Objective, interval: Interval, value: float) -> ObjectiveDecision:
    """Decide on a rate of completions per second."""
    if objective.op == "==" or not objective.value:
        return exact(objective, value)
    word = _word(objective, interval)
    return ObjectiveDecision(
        word, *interval, "" if word != UNDECIDED else "a longer run would narrow the interval"
    )


def _word(objective: Objective, interval: Interval) -> Word:
    """The word for an interval of the metric itself."""
    low, high = interval
    best, worst = (low, high) if objective.op in UPPER else (high, low)
    return HELD if objective.holds(worst) else UNDECIDED if objective.holds(best) else MISSED


def _provable(objective: Objective) -> bool:
    """Whether a sample can prove it: no sample proves that every call would be good."""
    edge = 0.0 if objective.op in UPPER else 1.0
    return objective.value != edge


def _by_share(
    objective: Objective, durations_ns: Ints, parts: Sequence[int], quantile: float, bound_ms: float
) -> tuple[Word, float]:
    """Decide by shares: a percentile is below a bound if at least its share of calls is."""
    under = beneath(objective, durations_ns, bound_ms)
    hits, count = int(np.count_nonzero(under)), len(under)
    worth = correlation.effective(under, parts, ONE_END)
    low, high = confidence.share(hits * worth / count, worth, ONE_END)
    small: Word = HELD if low >= quantile else MISSED if high < quantile else UNDECIDED
    if objective.op in UPPER or small == UNDECIDED:
        return small, worth
    return (MISSED if small == HELD else HELD), worth


def beneath(objective: Objective, durations_ns: Ints, bound_ms: float) -> Flags:
    """Mark the calls on the lower side of the bound; the objective decides where the bound itself belongs."""
    bound_ns = bound_ms * NS_PER_MS
    under: Flags = durations_ns <= bound_ns if objective.op in {"<=", ">"} else durations_ns < bound_ns
    return under


def _milliseconds(interval: Interval) -> Interval:
    """The interval in ms; an end that is a failure is infinite."""
    low, high = (math.inf if edge >= np.iinfo(np.int64).max else edge / NS_PER_MS for edge in interval)
    return low, high


def _more(hits: int, count: int, worth: float, bound: float) -> str:
    """A sentence that says how many calls would decide it, if the shares stayed the same."""
    need = confidence.calls_needed(hits / count, bound, ONE_END) * count / worth
    if math.isinf(need):
        return "it lies exactly on the bound"
    return f"about {_round_up(need):,} calls would decide it, there were {count:,}"


def _round_up(number: float) -> int:
    """Round up to two digits."""
    unit = int(10 ** max(0, math.floor(math.log10(number)) - 1))
    return math.ceil(number / unit) * unit
