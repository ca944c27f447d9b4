"""The generator's health: when it measured itself."""

import numpy as np
import pytest

from harness.analysis.saturation import LIMITS, by_the_second, measure, over
from harness.record.events import Event
from tests.fakes.runs import S

HEALTHY = {"worker": 0, "cpu": 0.5, "run_delay": 0.02, "lag_ms": [0.5], "started": 10, "users": 1}


def said(at_s, **data):
    return Event(int(at_s * S), "generator", HEALTHY | data)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"cpu": 0.86}, "cpu_max"),
        ({"run_delay": 0.11}, "run_delay_max"),
        ({"lag_ms": [10.5]}, "lag_ms_p99"),
        ({"lag_ms": 10.5}, "lag_ms_p99"),  # one number instead of the probes
    ],
)
def test_each_limit_saturates_by_itself(data, name):
    """One second of one worker is enough."""
    found = measure([said(1), said(2, **data), said(3)], [])

    assert found["saturated"] is True
    assert over(found) == [name]


def test_at_the_limits_the_generator_is_not_saturated():
    """The limit itself is allowed."""
    edge = said(1, cpu=LIMITS["cpu_max"], run_delay=LIMITS["run_delay_max"], lag_ms=[LIMITS["lag_ms_p99"]])

    assert measure([edge], [])["saturated"] is False


def test_only_the_measured_seconds_count():
    """Starting users is hard work, and measured by nobody; a second is where its middle is."""
    busy = [said(1, cpu=0.99), said(5), said(10.8, cpu=0.7), said(12, cpu=0.99)]

    assert measure(busy, [(2 * S, 10 * S)])["cpu_max"] == 0.7
    assert measure(busy, [])["cpu_max"] == 0.99


@pytest.mark.parametrize(
    ("ends_s", "shares", "seconds"),
    [
        ([1, 2, 3], [0.1, 0.2, 0.3], [0.1, 0.2, 0.3]),
        ([1, 1.5, 2, 2.5], [0.0, 0.0, 0.2, 0.0], [0.0, 0.0, 0.1, 0.1]),  # twice a second
        ([1, 1.49, 1.98, 2.47], [0.0, 0.2, 0.0, 0.0], [0.0, 0.0658, 0.1, 0.0]),  # a little early
        ([1, 4, 4.5], [0.0, 0.3, 0.0], [0.0, 0.3, 0.2571]),  # one that took three seconds is told as it is
        ([1], [0.4], [0.4]),
        ([], [], []),
    ],
)
def test_a_second_is_made_of_its_reports(ends_s, shares, seconds):
    """Half a second of waiting is not a second of it; what is told of more than a second is told of all of it."""
    found = by_the_second([(int(end_s * S), share) for end_s, share in zip(ends_s, shares, strict=True)])
    assert found == pytest.approx(seconds, abs=1e-4)


def test_every_worker_has_seconds_of_its_own():
    """Two half seconds of two workers are no second of anybody."""
    reports = [said(at_s, worker=worker, run_delay=0.0) for at_s in (1, 1.5, 2) for worker in (0, 1)]
    reports += [said(2.5, worker=0, run_delay=0.15), said(2.5, worker=1), said(3, worker=1, run_delay=0.15)]

    assert measure(reports, [])["run_delay_max"] == pytest.approx(0.085)


def test_health_that_nobody_reported_is_unknown():
    """Not healthy."""
    found = measure([], [])

    assert (found["cpu_max"], found["lag_ms_p99"], found["saturated"]) == (None, None, None)


def test_a_gauge_that_is_missing_is_not_a_crash():
    """An older worker that does not know its run delay."""
    found = measure([Event(S, "generator", {"worker": 0, "cpu": 0.2})], [])

    assert (found["cpu_max"], found["run_delay_max"], found["lag_ms_p99"]) == (0.2, None, None)
    assert found["saturated"] is False


def test_the_lag_is_a_percentile_of_all_probes():
    """One hiccup in a thousand is no saturation."""
    found = measure([said(1, lag_ms=[0.5] * 999 + [50.0])], [])

    assert found["lag_ms_p99"] == pytest.approx(np.percentile([0.5] * 999 + [50.0], 99))
    assert found["saturated"] is False
