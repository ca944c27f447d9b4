"""Which load to try next, and for how long: doubles until an objective is missed, then stays around the threshold. Pure.

    double, halve    one trial a load, short, until one load was good and one was not
    near             around the middle of what is likely, a little below, a little above, and again
    end              the interval is narrow enough, no time is left, or the largest (smallest) load was tried twice

A first trial that misses is made again before the load is halved: its server may have been cold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.analysis.levels.threshold import Mark, Threshold, threshold
from harness.scenario.plan.search import Search

OFFSETS: Final = (1.0, 0.94, 1.05)  # of the middle, by turns
SHORT: Final = 2  # times as short is a trial that only looks for it
TRIALS_LEAST: Final = 20  # near the threshold, before a narrow interval is believed


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of one trial: a mark for each objective, in the order of the objectives."""

    load: float
    marks: tuple[Mark, ...]

    @property
    def held(self) -> bool:
        return all(mark.holds for mark in self.marks)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The next trial."""

    load: float
    hold_s: float


def next_trial(search: Search, trials: Sequence[Trial], left_s: float, costs_s: float = 0.0) -> Wanted | None:
    """The next trial; None at the end of the search. `costs_s`: what a trial takes beside its hold."""
    load = _load(search, trials)
    if load is None:
        return None
    near = bracketed(trials)
    hold_s = search.hold_s if near else search.hold_s / SHORT
    if left_s < hold_s + costs_s:
        hold_s = left_s - costs_s  # what is left makes a shorter one
        if hold_s < search.hold_s / SHORT or not near:
            return None
    return Wanted(search.rounded(load), hold_s)


def bracketed(trials: Sequence[Trial]) -> bool:
    """Whether some load was good, and some was not."""
    return any(one.held for one in trials) and any(not one.held for one in trials)


def of_objectives(search: Search, trials: Sequence[Trial]) -> Threshold:
    """The posterior after these trials, as far as twice the loads that may be tried."""
    marks = {text: [trial.marks[number] for trial in trials] for number, text in enumerate(search.objectives)}
    return threshold(marks, search.least / 2, search.most * 2)


def _load(search: Search, trials: Sequence[Trial]) -> float | None:
    if not trials:
        return search.first
    if not bracketed(trials):
        return _further(search, trials)
    found = of_objectives(search, trials)
    near = _near(trials)
    if near >= TRIALS_LEAST and narrow(search, found):
        return None
    if near >= 2 and found.at(0.05) >= search.most:  # it holds at the largest load
        return None
    if near >= 2 and found.at(0.95) <= search.least:
        return None
    middle = found.middle
    load = search.rounded(middle * OFFSETS[near % len(OFFSETS)])
    if search.whole and load == search.rounded(middle) and near % len(OFFSETS):
        load += 1 if OFFSETS[near % len(OFFSETS)] > 1 else -1  # few users: the one beside it
    return load


def narrow(search: Search, found: Threshold) -> bool:
    """Whether the interval is as narrow as was asked for; of users, whether one number is left."""
    low, high = found.interval
    if search.whole and int(low) == int(high):
        return True
    return (high - low) / 2 <= search.precision * found.middle


def _near(trials: Sequence[Trial]) -> int:
    """The number of trials since the threshold was between two of them."""
    first = next(number for number in range(len(trials)) if bracketed(trials[: number + 1]))
    return len(trials) - 1 - first


def _further(search: Search, trials: Sequence[Trial]) -> float | None:
    """Double while every load holds, halve while none does."""
    last = trials[-1]
    again = sum(one.load == last.load for one in trials)
    if last.held:
        return None if last.load >= search.most and again >= 2 else min(last.load * 2, search.most)
    if again < 2 and (len(trials) == 1 or last.load <= search.least):
        return last.load
    return None if last.load <= search.least else last.load / 2
