"""Objectives are held, missed, or cannot be decided: what is certain is never unknown, and what is not is never a pass."""

import math

import numpy as np
import pytest

from harness.analysis.calls.calls import Calls
from harness.analysis.levels.steps import Step
from harness.analysis.objectives import decision
from harness.analysis.objectives.observation import judge
from harness.analysis.objectives.observed import SLOWEST, ObjectiveInputs, observe
from harness.scenario.objectives import parse
from tests.fakes.runs import MS, S, rows


def percentile(text, ms, parts=None, added_ms=0.0):
    values = np.asarray([SLOWEST if one == math.inf else int(one * MS) for one in ms])
    return decision.percentile(parse(text), values, parts or [len(values)], added_ms)


def spread(calls, low_ms, high_ms):
    """Times at random between two, the same ones every time."""
    return np.random.default_rng(calls).permutation(np.linspace(low_ms, high_ms, calls))


PERCENTILES = [
    # objective, times, the word
    ("p99 < 1ms", spread(400, 20, 30), "missed"),  # too few to print p99, and all of them too slow
    ("p99 < 1ms", spread(5, 20, 30), "missed"),
    ("p99 < 1s", spread(300, 20, 30), "held"),
    ("p99 < 1s", spread(290, 20, 30), "undecided"),
    ("p50 < 1s", spread(5, 20, 30), "held"),
    ("p50 < 1s", spread(4, 20, 30), "undecided"),
    ("p95 < 95ms", spread(1000, 0, 100), "undecided"),  # on its bound
    ("p95 < 97ms", spread(1000, 0, 100), "held"),
    ("p95 < 93ms", spread(1000, 0, 100), "missed"),
    ("p95 > 93ms", spread(1000, 0, 100), "held"),
    ("p95 > 97ms", spread(1000, 0, 100), "missed"),
    ("p95 < 1s", np.where(np.arange(1000) % 10 == 0, math.inf, 5), "missed"),  # a tenth failed
    ("p95 < 1s", np.where(np.arange(1000) % 50 == 0, math.inf, 5), "held"),
    ("p50 == 5ms", np.full(100, 5), "undecided"),
]


@pytest.mark.parametrize(("text", "ms", "word"), PERCENTILES)
def test_a_percentile_is_decided_by_the_share_on_either_side_of_its_bound(text, ms, word):
    """With any number of calls."""
    assert percentile(text, ms).word == word


SHARES = [
    # objective, failed of calls, the word
    ("success_rate >= 99%", (0, 50), "undecided"),
    ("success_rate >= 99%", (0, 299), "held"),
    ("success_rate >= 99%", (10, 100), "missed"),
    ("success_rate >= 99%", (4, 1000), "held"),
    ("success_rate >= 99%", (9, 1000), "undecided"),
    ("success_rate < 50%", (90, 100), "held"),
    ("success_rate >= 100%", (0, 3), "held"),  # no sample proves it: one failure misses it
    ("success_rate >= 100%", (1, 100_000), "missed"),
    ("success_rate == 100%", (0, 3), "held"),
    ("success_rate <= 0%", (3, 3), "held"),
    ("success_rate > 0%", (2, 4), "held"),
]


@pytest.mark.parametrize(("text", "counts", "word"), SHARES)
def test_a_share_is_decided_by_its_interval(text, counts, word):
    """Failures evenly spread."""
    failed, calls = counts
    good = np.diff(np.floor(np.arange(calls + 1) * failed / calls)) == 0

    assert decision.success(parse(text), good, [calls]).word == word


def test_failures_that_come_together_decide_less():
    """Forty of two thousand, one by one or in a single stall."""
    alone, stall = np.arange(2000) % 50 != 0, np.abs(np.arange(2000) - 1000) > 20

    assert decision.success(parse("success_rate >= 99%"), alone, [2000]).word == "missed"
    assert decision.success(parse("success_rate >= 99%"), stall, [2000]).word == "undecided"


ADDED = [
    # objective, what the generator may have added, the word; the calls take 10.05 ms
    ("p95 < 10ms", 0.0, "missed"),
    ("p95 < 10ms", 0.04, "missed"),
    ("p95 < 10ms", 0.1, "undecided"),  # missed only by the generator's own part
    ("p95 < 11ms", 5.0, "held"),  # it makes calls slower, never quicker
    ("p95 > 10ms", 0.1, "undecided"),
    ("p95 > 10ms", 0.04, "held"),
]


@pytest.mark.parametrize(("text", "added_ms", "word"), ADDED)
def test_a_margin_smaller_than_the_generators_own_part_decides_nothing(text, added_ms, word):
    """And a larger one does."""
    found = percentile(text, np.full(1000, 10.05), added_ms=added_ms)

    assert found.word == word
    assert ("the load generator itself may have added" in found.why) == (word == "undecided")


class Adds:
    """A generator that adds so much to everything."""

    def __init__(self, ms):
        self.ms = ms

    def added_ms(self, *_):
        return self.ms

    def mean_ms(self, *_):
        return self.ms


def seen(text, calls=400, ms=20.0, added=None, **columns):
    """Calls evenly spread over ten seconds of one step."""
    intended = 10 * S + np.arange(calls, dtype=np.int64) * 10 * S // calls
    done = intended + (np.broadcast_to(ms, calls) * MS).astype(np.int64)
    found = Calls.of(rows(calls, intended_ns=intended, done_ns=done, **columns))
    step = Step(index=0, name="steady", kind="sustain", users=5, rate=None, start_ns=10 * S, end_ns=20 * S)
    return observe(parse(text), ObjectiveInputs(found, found, [step], added=added))


REASONS = [
    # what was observed, outcome, reason
    (
        seen("p99 < 1ms"),
        "fail",
        "p99 < 1ms does not hold: it was at least 20.0 ms (p99 is shown from 1,000 calls on, there were 400)",
    ),
    (seen("p99 < 21ms"), "pass", ""),
    (
        seen("success_rate >= 99%", 40),
        "unknown",
        (
            "success_rate >= 99% cannot be decided: it was 100%, and it lies between 92.78% and 100% at 95%; "
            "about 300 calls would decide it, there were 40"
        ),
    ),
    (
        seen("p95 < 21ms", 40),
        "unknown",
        (
            "p95 < 21ms cannot be decided: it lies between 20.0 ms and infinite at 95%; "
            "about 59 calls would decide it, there were 40"
        ),
    ),
    (
        seen("p95 < 19.9ms", added=Adds(0.2)),
        "unknown",
        (
            "p95 < 19.9ms cannot be decided: it was 20.0 ms, and it lies between 20.0 ms and 20.0 ms at 95%; "
            "the load generator itself may have added 0.20 ms to p95, which is as much as the margin"
        ),
    ),
    (seen("mean < 19.9ms", added=Adds(0.01)), "fail", "mean < 19.9ms does not hold: it was 20.0 ms"),
    (seen("max < 19.9ms"), "fail", "max < 19.9ms does not hold: it was 20.0 ms"),
    (seen("throughput >= 30/s"), "pass", ""),
    (seen("throughput >= 50/s"), "fail", "throughput >= 50/s does not hold: it was 40.0/s"),
    (seen("failed == 0"), "pass", ""),
    (
        seen("failed == 0", outcome=np.where(np.arange(400) == 7, "reset", "ok")),
        "fail",
        "failed == 0 does not hold: it was 1",
    ),
]


@pytest.mark.parametrize(("observation", "outcome", "reason"), REASONS)
def test_the_reason_says_what_is_known_and_what_would_help(observation, outcome, reason):
    """In words that people read."""
    found = judge(observation)

    assert (found.outcome, found.reason) == (outcome, reason)


def test_decisions_are_rarely_wrong():
    """A p95 just above and just below its bound: 500 calls, at most 5 % wrong words each (7 % by this simulation)."""
    rng = np.random.default_rng(4)
    quantile = -math.log(0.05) * 10  # of exponential times with a mean of 10 ms
    words = {
        bound: [percentile(f"p95 < {bound}ms", rng.exponential(10, 500)).word for _ in range(300)]
        for bound in (math.floor(quantile * 100) / 100, math.ceil(quantile * 100) / 100)
    }
    below, above = words.values()

    assert below.count("held") / 300 <= 0.07
    assert above.count("missed") / 300 <= 0.07
