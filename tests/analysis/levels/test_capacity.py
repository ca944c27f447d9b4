"""Capacity: a known peak is found within its interval, and none is given where none was seen."""

import numpy as np
import pytest

from harness.analysis.levels import capacity
from harness.run_directory.results import StepResult
from tests.fakes.results import filled


def level(users, rps, kind="ramp", rate=None):
    return filled(StepResult, users=users, throughput_rps=rps, kind=kind, rate=rate)


def law(users, first=100.0, contention=0.05, retrograde=0.002):
    """Written out once more: the peak of these terms is at sqrt(0.95 / 0.002) = 21.8 users."""
    return first * users / (1 + contention * (users - 1) + retrograde * users * (users - 1))


LEVELS = range(5, 55, 5)


def test_a_curve_with_a_peak_is_fitted_and_its_interval_holds_the_truth():
    """Ten levels with 1 % noise: peak at 21.8 users and 680/s."""
    rng = np.random.default_rng(3)
    steps = [level(users, law(users) * rng.normal(1, 0.01)) for users in LEVELS]

    fit, reason = capacity.measure(steps)

    assert reason == "the peak lies inside the levels that were run"
    low, high = fit.users_interval
    assert low < np.sqrt(0.95 / 0.002) < high < 1.2 * low
    found = fit.result()
    assert (found.model, found.peak_users) == ("usl", 22)
    assert found.peak_rps == pytest.approx(max(law(users / 10) for users in range(100, 400)), rel=0.02)
    assert found.interval.rps[0] < found.peak_rps < found.interval.rps[1]
    assert capacity.rps_at(fit, 30) == pytest.approx(law(30), rel=0.02)


def test_a_curve_that_only_saturates_is_hardly_ever_given_a_peak():
    """Contention alone, ten levels, 3 % noise: a naive fit invents a peak in 45 of 100 such runs."""
    rng = np.random.default_rng(5)
    given = 0
    for _ in range(100):
        steps = [level(users, law(users, retrograde=0) * rng.normal(1, 0.03)) for users in LEVELS]
        given += capacity.measure(steps)[0] is not None

    assert given <= 5


REFUSED = [
    ("no steps", [], "there were 0"),
    ("the same level over and over", [level(5, rps) for rps in range(90, 99)], "there were 1"),
    ("levels that answered nothing", [level(users, 0.0) for users in LEVELS], "there were 0"),
    ("a curve that still rises", [level(users, users * 10.0) for users in LEVELS], "may lie beyond it"),
    (
        "a decline within the scatter",
        [
            level(users, law(users, retrograde=0) * (1 + (-1) ** place * 0.05))
            for place, users in enumerate(LEVELS)
        ],
        "within the scatter",
    ),
    (
        "a curve that only falls",
        [level(users, law(users, contention=1.0, retrograde=0.01)) for users in LEVELS],
        "only falls, from the lowest level run on, 5 users",
    ),
    (
        "a peak beyond what was run",
        [
            level(users, float(rps))
            for users, rps in zip(LEVELS, (300, 396, 446, 463, 483, 490, 492, 500, 508, 505), strict=True)
        ],
        "55 users, lies beyond the highest level run, 50 users",
    ),
    (
        "an open load",
        [level(50, rate, kind="rate", rate=rate) for rate in (100, 200, 300, 400, 300)],
        "there were 0",
    ),
]


@pytest.mark.parametrize(("steps", "why"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_was_not_seen_is_not_given(steps, why):
    """No capacity, and the reason."""
    fit, reason = capacity.measure(steps)

    assert fit is None
    assert why in reason


def test_the_highest_level_is_a_measurement_and_needs_two():
    """Whatever may lie beyond; the steady part of a scenario is no part of its ramp."""
    steps = [level(5, 100.0), level(10, 180.0), level(15, 170.0), level(12, 500.0, kind="sustain")]

    assert capacity.highest(steps).users == 10
    assert capacity.highest([level(5, 1.0), level(5, 2.0)]) is None
