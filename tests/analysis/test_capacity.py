"""Capacity: the highest throughput measured, and what cannot be said of it."""

from harness.analysis.capacity import measure


def level(users, rps):
    return {"users": users, "throughput_rps": rps}


def test_the_peak_inside_what_was_measured():
    """No curve, no interval: a measured level."""
    capacity, reason = measure([level(5, 100.0), level(10, 180.0), level(15, 170.0)])

    assert capacity == {"model": None, "peak_users": 10, "peak_rps": 180.0, "interval": None}
    assert reason == "no curve is fitted; this is the highest throughput measured"


def test_a_peak_at_the_highest_level_may_lie_beyond():
    """Throughput that was still rising says nothing of where it stops."""
    _, reason = measure([level(5, 100.0), level(10, 180.0)])

    assert reason.endswith("the true peak may lie beyond it")


def test_one_level_is_no_curve():
    """Nor are two runs of the same level, or levels that answered nothing."""
    for steps in ([], [level(5, 100.0)], [level(5, 100.0), level(5, 90.0)], [level(5, 9.0), level(10, 0.0)]):
        assert measure(steps) == (None, "needs at least two levels of load with answered calls")
