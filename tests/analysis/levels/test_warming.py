"""Warm-up in the measured part of a step: seen where it is, not seen in noise."""

import numpy as np
import pytest

from harness.analysis.calls.calls import Calls
from harness.analysis.levels import warming
from harness.analysis.levels.steps import Step
from harness.report.warming_up import warming_up
from tests.fakes.runs import MS, S, rows

SPAN_S = 12.0


def noise(seed: int, *, rate: float = 60.0, scatter: float = 0.5, drift: float = 0.1, follows: float = 0.0):
    """Calls at random times around 10 ms; the level of each quarter second drifts, and follows the one before."""
    rng = np.random.default_rng(seed)
    at_s = np.sort(rng.uniform(0, SPAN_S, rng.poisson(rate * SPAN_S)))
    level = np.zeros(int(SPAN_S * 4) + 1)
    for number in range(len(level)):
        before = level[number - 1] if number else 0.0
        level[number] = follows * before + (1 - follows**2) ** 0.5 * rng.normal(0, drift)
    return at_s, 10 * np.exp(level[(at_s * 4).astype(int)] + rng.normal(0, scatter, len(at_s)))


def seen(times: int, slower: float, **how: float) -> int:
    """In how many steps it is seen, if the first fifth is so many times slower."""
    found = 0
    for seed in range(times):
        at_s, response_ms = noise(seed, **how)
        response_ms = np.where(at_s < SPAN_S / 5, response_ms * slower, response_ms)
        found += warming.find(at_s, response_ms, SPAN_S) is not None
    return found


NOISE = [
    {"drift": 0.0},
    {"scatter": 1.0, "drift": 0.0},
    {"drift": 0.1},
    {"drift": 0.1, "follows": 0.8},
    {"rate": 400.0, "drift": 0.1, "follows": 0.8},
]


@pytest.mark.parametrize("how", NOISE)
def test_steady_noise_is_no_warm_up(how):
    """Independent or not: in 1 of 100 at most."""
    assert seen(100, 1.0, **how) <= 1


@pytest.mark.parametrize(
    "how", [{"drift": 0.0}, {"drift": 0.1}, {"rate": 400.0, "drift": 0.1, "follows": 0.8}]
)
def test_a_first_fifth_twice_as_slow_is_seen(how):
    """In nine of ten."""
    assert seen(50, 2.0, **how) >= 45


def test_how_long_it_lasted_and_what_it_cost_is_told():
    """3 s of 12 at 40 ms, then 10."""
    at_s = np.arange(0, SPAN_S, 0.02)
    found = warming.find(at_s, np.where(at_s < 3.0, 40.0, 10.0), SPAN_S)

    assert found == warming.Warming(seconds=3.0, before_ms=40.0, after_ms=10.0)


NONE = [
    # from when, before and after, how often
    (3.0, 10.0, 40.0, 0.02),  # it became slower
    (3.0, 13.0, 10.0, 0.02),  # less than 40 %
    (3.0, 1.5, 0.8, 0.02),  # less than a millisecond
    (9.0, 40.0, 10.0, 0.02),  # most of the step: that is what it is like
    (3.0, 40.0, 10.0, 0.2),  # too few calls
]


@pytest.mark.parametrize(("until_s", "before_ms", "after_ms", "every_s"), NONE)
def test_what_is_no_warm_up_is_not_called_one(until_s, before_ms, after_ms, every_s):
    """Each for its own reason."""
    at_s = np.arange(0, SPAN_S, every_s)

    assert warming.find(at_s, np.where(at_s < until_s, before_ms, after_ms), SPAN_S) is None


def step(start_s: float = 2.0, end_s: float = 14.0) -> Step:
    times = {"start_ns": int(start_s * S), "end_ns": int(end_s * S)}
    return Step(index=0, name="steady", kind="sustain", users=2, rate=None, **times)


def test_only_the_time_of_the_step_before_its_first_fault_is_looked_at():
    """A fault is no warm-up, and what comes after it is no rest to compare with."""
    intended = np.arange(0, 20 * S, 20 * MS)
    slow = (intended >= 2 * S) & (intended < 4 * S) | (intended >= 8 * S)
    calls = Calls.of(
        rows(len(intended), intended_ns=intended, done_ns=intended + np.where(slow, 50 * MS, 10 * MS))
    )

    assert warming.measure(calls, step()) is None
    found = warming.measure(calls, step(), [(8 * S, 12 * S)])
    assert found is not None
    assert found.seconds == pytest.approx(2.0, abs=0.3)


def test_it_is_said_with_what_leaves_it_out():
    """Of the first step; a warm-up comes before that only."""
    cold = warming.Warming(seconds=3.48, before_ms=40.0, after_ms=12.0)

    assert warming_up([None]) == ""
    assert warming_up([cold, None]) == (
        "the first 3.5 s of step 1 were slower (p50 40.0 ms, then 12.0 ms): warm-up; --warm-up 4s leaves it out"
    )
    assert warming_up([None, cold]).endswith("step 2 were slower (p50 40.0 ms, then 12.0 ms)")
    assert ", and the same happened in 1 more" in warming_up([cold, cold])
