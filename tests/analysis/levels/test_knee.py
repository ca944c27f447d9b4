"""The knee: found where latency gave way, and nowhere else."""

import pytest

from harness.analysis.levels import knee
from harness.analysis.levels.capacity import Level
from harness.run_directory.results import StepResult
from tests.fakes.results import filled


def level(users, rps, p95_ms, kind="ramp", p50_ms=None):
    response = {"p95": p95_ms, "p50": p95_ms / 2 if p95_ms and p50_ms is None else p50_ms}
    step = filled(StepResult, users=users, throughput_rps=rps, kind=kind, latency_ms={"response": response})
    return Level(users, rps, step)


def closed(users, capacity_rps=500.0, service_s=0.02):
    """A closed system that is full at 10 users: X = min(N / S, C), R = N / X."""
    rps = min(users / service_s, capacity_rps)
    return level(users, rps, users / rps * 1000)


def test_the_knee_is_where_a_closed_system_is_full():
    """500/s of 20 ms each are full at 10 users; at 40 users each waits four times as long for the same goodput."""
    found = knee.find([closed(users) for users in (5, 10, 15, 20, 30, 40)])

    assert (found.users, found.quantile, found.last_users) == (10, "p95", 40)
    assert (found.ms, found.last_ms) == pytest.approx((20, 80))
    assert found.rps == found.last_rps == 500


NONE = [
    ("room to the end", [closed(users) for users in (2, 4, 6, 8, 10)]),
    ("slower, but worth it", [level(5, 100, 20), level(10, 190, 25), level(20, 360, 40)]),
    ("two levels", [closed(10), closed(40)]),
    ("a level without percentiles", [level(5, 100, None), level(10, 100, 30), level(20, 100, 60)]),
    ("nothing", []),
]


@pytest.mark.parametrize("levels", [row[1] for row in NONE], ids=[row[0] for row in NONE])
def test_where_latency_did_not_give_way_there_is_no_knee(levels):
    """Nothing is read into a curve that goes on."""
    assert knee.find(levels) is None


def test_a_repetition_is_no_level_of_its_own():
    """And the median serves where there are too few calls for p95."""
    known = [closed(users) for users in (5, 10, 20, 40)] + [level(40, 1, 9000, kind="confirm")]
    levels = [
        level(one.users, one.rps, None, one.step.kind, p50_ms=one.step.latency_ms.response.p95)
        for one in known
    ]

    assert knee.find(levels).quantile == "p50"
    assert knee.find(levels).last_ms == pytest.approx(80)
