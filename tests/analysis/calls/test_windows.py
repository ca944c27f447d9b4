"""Windows: counts that add up, percentiles merged until they mean something, a bounded number of rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.calls import latency, windows
from harness.analysis.calls.calls import Calls
from tests.fakes.events import event as happened
from tests.fakes.runs import MS, S, rows


def test_offered_goes_by_intended_start_and_the_rest_by_completion():
    """Three calls in the first second, one of them failed, all resolved in the third."""
    frame = rows(
        4,
        intended_ns=np.array([0.1, 0.2, 0.3, 2.1]) * S,
        done_ns=np.array([2.2, 2.3, 2.4, 2.5]) * S,
        outcome=["ok", "timeout", "ok", "input_required"],
    ).astype({"intended_ns": "int64", "done_ns": "int64"})

    found = windows.measure(Calls.of(frame), [])

    assert list(found["offered"]) == [3, 0, 1]
    assert list(found["ok"]) == [0, 0, 2]
    assert list(found["failed"]) == [0, 0, 1]
    assert list(found["start_s"]) == [0.0, 1.0, 2.0]


def test_the_last_window_is_as_long_as_it_is():
    """2.6 s are three windows, and the rate of the last counts 0.6 s; 2.4 s are two, the last of 1.4 s."""
    long = windows.measure(
        Calls.of(rows(26, intended_ns=np.arange(26) * S // 10, done_ns=np.arange(26) * S // 10)), []
    )
    short = windows.measure(
        Calls.of(rows(24, intended_ns=np.arange(24) * S // 10, done_ns=np.arange(24) * S // 10)), []
    )

    assert list(long["offered"]) == [10, 10, 6]
    assert long["offered_rps"].iloc[-1] == pytest.approx(12, abs=0.01)  # the calls at both ends of 0.5 s
    assert list(short["offered"]) == [10, 14]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 20_000), st.integers(0, 5000), st.sampled_from(["ok", "timeout", "cancelled"])
        ),
        min_size=1,
        max_size=200,
    )
)
def test_nothing_is_lost_between_windows(calls):
    """The windows follow on each other and hold every call once."""
    intended = np.array([at for at, _, _ in calls], dtype=np.int64) * MS
    frame = rows(
        len(calls),
        intended_ns=intended,
        done_ns=intended + np.array([took for _, took, _ in calls]) * MS,
        outcome=[name for _, _, name in calls],
    )

    found = windows.measure(Calls.of(frame), [])

    assert found["offered"].sum() == len(calls)
    assert found["ok"].sum() == sum(name == "ok" for _, _, name in calls)
    assert found["failed"].sum() == sum(name == "timeout" for _, _, name in calls)
    assert list(found["start_s"][1:]) == list(found["end_s"][:-1])


@given(st.lists(st.integers(0, 25), min_size=1, max_size=30))
def test_merged_percentiles_are_those_of_the_neighbouring_windows(sizes):
    """Each window shows the percentile of its group, and every group has enough calls."""
    durations = np.random.default_rng(3).permutation(np.arange(sum(sizes), dtype=np.int64)) * MS
    bounds = np.concatenate([[0], np.cumsum(sizes)])

    found = windows._merged(durations, bounds, 500)

    if sum(sizes) < 20:
        assert np.isnan(found).all()
        return
    groups = windows._groups(bounds, 20)
    covered = set()
    for first, last in groups:
        inside = durations[bounds[first] : bounds[last]]
        assert len(inside) >= 20
        assert set(found[first:last]) == {latency.percentiles(inside, ["p50"])["p50"] / MS}
        covered |= set(range(first, last))
    # What is in no group is an empty window: no call is left out of the picture.
    assert all(sizes[window] == 0 and np.isnan(found[window]) for window in set(range(len(sizes))) - covered)


def test_a_server_that_stands_still_leaves_a_gap():
    """Nobody began a call for five seconds: there is no percentile to draw, and no line across."""
    intended = np.concatenate([np.arange(100) * S // 50, 7 * S + np.arange(100) * S // 50])

    found = windows.measure(Calls.of(rows(200, intended_ns=intended, done_ns=intended + 5 * MS)), [])

    assert list(found["response_ms_p50"].isna()) == [False] * 2 + [True] * 5 + [False] * 2


@pytest.mark.parametrize(
    ("span_s", "width"),
    [(1, 1), (600, 1), (601, 2), (3600, 10), (8 * 3600, 60), (30 * 86400, 7200), (10**9, 86400 * 32)],
)
def test_a_long_run_keeps_a_bounded_number_of_windows(span_s, width):
    """Never more than 600, however long the run."""
    assert windows.width_s(span_s) == width
    assert span_s / width <= windows.MOST


def test_an_hour_of_calls_is_cut_into_ten_second_windows():
    """And the counts are those of ten seconds."""
    found = windows.measure(Calls.of(rows(3600)), [])

    assert len(found) == 360
    assert set(found["offered"]) == {10}


def test_without_calls_there_are_no_windows():
    """But the columns are there."""
    found = windows.measure(Calls.of(rows(0)), [])

    assert found.empty
    assert "response_ms_p95" in found


def test_users_are_what_the_workers_said_last_added_up():
    """Two workers; the second speaks up later."""
    told = [
        happened(S // 2, "generator", {"worker": 0, "users": 5}),
        happened(S + S // 2, "generator", {"worker": 1, "users": 3}),
        happened(2 * S + S // 2, "generator", {"worker": 0, "users": 7}),
    ]

    found = windows.measure(Calls.of(rows(4)), told)

    assert list(found["users"]) == [5, 8, 10]


def test_users_are_those_asked_for_when_no_worker_spoke():
    """And unknown before the first step ran."""
    found = windows.measure(Calls.of(rows(4)), [happened(S + S // 2, "step_running", {"users": 9})])

    assert np.isnan(found["users"].iloc[0])
    assert list(found["users"][1:]) == [9, 9]


def test_the_generators_worst_second_stands_beside_what_it_measured():
    """The highest lag and processor share of any worker in the window; nothing where nobody said."""
    events = [
        happened(int(0.5 * S), "generator", {"lag_ms": [0.2, 7.5, 0.1], "cpu": 0.3}),
        happened(int(0.9 * S), "generator", {"lag_ms": [1.0], "cpu": 0.6}),
        happened(int(2.5 * S), "generator", {"lag_ms": [], "cpu": None}),
        happened(int(99 * S), "generator", {"lag_ms": 50.0, "cpu": 1.0}),
    ]

    found = windows.measure(Calls.of(rows(3)), events)

    assert found["lag_ms"].tolist()[0] == 7.5
    assert found["cpu"].tolist()[0] == 0.6
    assert found["lag_ms"].isna().tolist() == [False, True]
