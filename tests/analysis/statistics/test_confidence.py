"""Intervals hold the truth as often as they say: known cases, and simulated runs whose truth is known."""

import math

import numpy as np
import pytest

from harness.analysis.statistics import confidence
from harness.analysis.statistics.confidence import ONE_END, TWO_ENDS
from tests.fakes.samples import MADE, truth

SHARES = [
    # hits, calls, tail, from, to: Clopper and Pearson's tables
    (0, 10, 0.025, 0.0, 0.3085),
    (10, 10, 0.025, 0.6915, 1.0),
    (5, 10, 0.025, 0.1871, 0.8129),
    (300, 300, 0.05, 0.9901, 1.0),  # nearly three hundred good calls show 99 %
    (0, 0, 0.05, 0.0, 1.0),
]


@pytest.mark.parametrize(("hits", "calls", "tail", "low", "high"), SHARES)
def test_shares_are_those_of_the_tables(hits, calls, tail, low, high):
    """To four digits."""
    assert confidence.share(hits, calls, tail) == pytest.approx((low, high), abs=0.0001)


RANKS = [
    # calls, quantile, tail: from which rank to which, counted from 0, as by hand with the binomial distribution
    (100, 0.5, TWO_ENDS, 39, 60),
    (400, 0.99, ONE_END, 391, 399),
    (50, 0.95, TWO_ENDS, 43, 50),  # beyond the slowest of fifty
    (5, 0.5, TWO_ENDS, -1, 5),  # five calls show nothing
]


@pytest.mark.parametrize(("calls", "quantile", "tail", "low", "high"), RANKS)
def test_percentiles_lie_between_order_statistics(calls, quantile, tail, low, high):
    """Whatever the distribution."""
    assert confidence.ranks(calls, float(calls), quantile, tail) == (low, high)


def test_an_end_that_no_call_shows_is_open():
    """0 below the quickest, infinite above the slowest."""
    assert confidence.percentile(np.arange(1, 6), 5.0, 0.5, TWO_ENDS) == (0.0, math.inf)


def test_so_many_calls_are_needed():
    """Three hundred good ones for 99 %; none ever where the share lies on the bound."""
    assert confidence.calls_needed(1.0, 0.99, ONE_END) == pytest.approx(298, abs=1)
    assert confidence.calls_needed(0.0, 0.99, ONE_END) == pytest.approx(1, abs=1)
    assert confidence.calls_needed(0.99, 0.99, ONE_END) == math.inf


COVERED = [
    # what is simulated, calls, quantiles, the least share of 200 intervals that hold the truth
    *((name, calls, 0.93) for name in ("log-normal", "exponential", "bimodal") for calls in (50, 500, 5000)),
    ("correlated 0.5", 200, 0.9),
    ("correlated 0.9", 500, 0.9),
    ("correlated 0.9", 5000, 0.9),
    ("stalls", 5000, 0.9),
]


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "calls", "least"), COVERED)
def test_intervals_of_percentiles_hold_the_truth(name, calls, least):
    """95 % of them for independent calls (93 % allows for the simulation), 90 % where calls are correlated."""
    rng = np.random.default_rng(calls)
    for quantile in (0.5, 0.95, 0.99):
        if calls * (1 - quantile) < 10 - 1e-9:
            continue
        right, held = truth(name, quantile), 0
        for _ in range(200):
            values = MADE[name](rng, calls)
            at = np.sort(values)[math.ceil(calls * quantile) - 1]
            worth = confidence.effective_at(values, at, [calls], TWO_ENDS)
            low, high = confidence.percentile(values, worth, quantile, TWO_ENDS)
            held += low <= right <= high
        assert held / 200 >= least, (name, calls, quantile)


def test_the_interval_of_a_rate_holds_the_truth():
    """300 completions a second at random, for eight seconds in two stretches."""
    rng = np.random.default_rng(1)
    spans = [(0, 4 * 10**9), (10**10, 10**10 + 4 * 10**9)]
    held = 0
    for _ in range(200):
        done = np.concatenate([rng.integers(*span, rng.poisson(1200)) for span in spans])
        low, high = confidence.rate(done, spans, TWO_ENDS)
        held += low <= 300 / 10**9 <= high
    assert held / 200 >= 0.93


def test_levels_that_differ_are_no_noise():
    """100/s for a while, then 300/s: the mean of such a run is 200/s, and sure."""
    spans = [(0, 10**9), (10**9, 2 * 10**9)]
    done = np.concatenate([np.linspace(0, 10**9 - 1, 100), np.linspace(10**9, 2 * 10**9 - 1, 300)]).astype(
        np.int64
    )
    low, high = (edge * 10**9 for edge in confidence.rate(done, spans, TWO_ENDS))

    assert low > 195
    assert high < 205


def test_the_interval_of_a_mean_holds_the_truth():
    """Of exponential times, by the means of blocks; correlated ones are wider."""
    rng = np.random.default_rng(2)
    held = dict.fromkeys(("exponential", "correlated 0.9"), 0)
    for name in held:
        right = float(np.mean([MADE[name](rng, 20_000).mean() for _ in range(50)]))
        for _ in range(200):
            low, high = confidence.mean(MADE[name](rng, 1000), [1000], TWO_ENDS)
            held[name] += low <= right <= high
    assert held["exponential"] / 200 >= 0.93
    assert held["correlated 0.9"] / 200 >= 0.88
