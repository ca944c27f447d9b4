"""Searches for capacity against simulated queues whose capacity has a formula, in simulated time."""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np
import pytest

from harness.analysis.levels.next_trial import Trial, next_trial, of_objectives
from harness.analysis.levels.threshold import Mark, Threshold, threshold
from harness.analysis.statistics import correlation
from harness.scenario.plan.search import Search
from tests.truth.experiments.capacities import rate_at, users_at

P95 = "p95 < 100ms"
COSTS_S = 0.6


@dataclass
class SimulatedQueue:
    """Four servers of 20 ms, exponential; whoever comes first is served first."""

    random: Random
    now_s: float = 0.0
    free: list[float] = field(default_factory=lambda: [0.0] * 4)

    def serve(self, at_s: float) -> float:
        answered = max(at_s, self.free[0]) + self.random.expovariate(50)
        heapq.heapreplace(self.free, answered)
        return answered

    def arrivals(self, per_s: float, hold_s: float) -> list[tuple[float, float]]:
        at_s, calls = self.now_s + self.random.expovariate(per_s), []
        while at_s < self.now_s + hold_s:
            calls.append((at_s, self.serve(at_s)))
            at_s += self.random.expovariate(per_s)
        return calls

    def users(self, count: float, hold_s: float) -> list[tuple[float, float]]:
        ready, calls = [self.now_s] * int(count), []
        while ready[0] < self.now_s + hold_s:
            at_s = ready[0]
            calls.append((at_s, self.serve(at_s)))
            heapq.heapreplace(ready, calls[-1][1])
        return calls

    def trial(self, load: float, hold_s: float, bound_s: float, *, whole: bool) -> Trial:
        calls = (self.users if whole else self.arrivals)(load, hold_s)
        begins_s = self.now_s + hold_s / 5
        good = np.array([done - at < bound_s for at, done in calls if at >= begins_s], dtype=bool)
        self.now_s += hold_s
        bad = 1 - good.mean() if len(good) else 1.0
        if bad > 0.1:  # the load is taken off
            self.now_s = max(self.now_s, *self.free)
        worth = correlation.effective(good, [len(good)], 0.05) if len(good) else 1.0
        return Trial(load, (Mark(load, max(1, len(good)), worth, float(bad), 0.05),))


def found(seed: int, bound_s: float, *, whole: bool) -> tuple[Threshold, float]:
    """The answer of one search of three minutes, and how long it took."""
    search = Search(
        objectives=(P95,), first=1.0 if whole else 10.0, most=10_000.0, within_s=180.0, whole=whole
    )
    queue, trials, spent_s = SimulatedQueue(Random(seed)), list[Trial](), 0.0
    while (wanted := next_trial(search, trials, search.within_s - spent_s, COSTS_S)) is not None:
        began_s = queue.now_s
        trials.append(queue.trial(wanted.load, wanted.hold_s, bound_s, whole=whole))
        spent_s += queue.now_s - began_s + COSTS_S
    return of_objectives(search, trials), spent_s


def hits(seeds: Sequence[int], bound_s: float, *, whole: bool) -> int:
    truth = users_at(bound_s) if whole else rate_at(bound_s)
    count = 0
    for seed in seeds:
        answer, spent_s = found(seed, bound_s, whole=whole)
        low, high = answer.interval
        assert high < 2.5 * low
        assert spent_s <= 190
        count += math.floor(low) <= truth <= high
    return count


@pytest.mark.long
@pytest.mark.parametrize(("bound_s", "whole"), [(0.10, False), (0.25, True)], ids=["rate", "users"])
def test_the_true_capacity_lies_in_the_interval_of_eighteen_of_twenty_searches(
    bound_s: float, whole: bool
) -> None:
    """M/M/4, and four servers with users who do not pause; three minutes each."""
    assert hits(range(20), bound_s, whole=whole) >= 18


def test_a_search_finds_the_capacity_of_a_queue() -> None:
    """The short sibling: the seeds decide everything."""
    assert hits(range(2), 0.25, whole=True) == 2


def mark(load: float, bad: float, *, calls: int = 500, allowed: float = 0.05, sided: bool = False) -> Mark:
    return Mark(load, calls, float(calls), bad, allowed, sided)


@pytest.mark.parametrize(
    ("marks", "low", "high"),
    [
        ([mark(10, 0.0), mark(20, 0.0), mark(40, 1.0)], 20, 40),  # a cliff between 20 and 40
        ([mark(10, 0.0, sided=True), mark(20, 1.0, sided=True)], 10, 20),  # of a mean
        ([mark(30, 0.0, allowed=0.01), mark(60, 1.0, allowed=0.01)], 20, 60),  # success_rate
    ],
)
def test_what_was_seen_on_both_sides_bounds_it(marks: list[Mark], low: float, high: float) -> None:
    """Within the cell of the grid and what few calls leave open."""
    found_low, found_high = threshold({"one": marks}, 1, 1_000).interval

    assert low * 0.9 <= found_low <= found_high <= high * 1.1


def test_a_noisy_server_gives_a_wider_interval() -> None:
    """The same shares on average, scattered."""
    loads = (90, 100, 110) * 4
    steady = [mark(load, 0.05 * load / 100) for load in loads]
    noisy = [
        mark(load, 0.05 * load / 100 * (0.1 if number % 2 else 1.9)) for number, load in enumerate(loads)
    ]

    def width(marks: list[Mark]) -> float:
        low, high = threshold({"one": marks}, 1, 1_000).interval
        return high - low

    assert width(noisy) > 1.5 * width(steady)


def test_the_objective_that_gives_way_first_is_named() -> None:
    """And the threshold of both is its own."""
    early = [mark(10, 0.0), mark(20, 0.0), mark(25, 0.9)]
    late = [mark(10, 0.0), mark(20, 0.0), mark(25, 0.0), mark(50, 0.0), mark(60, 0.9)]
    both = threshold({"early": early, "late": late}, 1, 1_000)

    assert both.first["early"] > 0.95
    assert 18 < both.middle < 27
    assert both.share_above(1) > 0.99
    assert both.share_above(100) < 0.01
