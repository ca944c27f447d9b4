"""Steps: their windows from the events, their numbers from the calls."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.calls.calls import Calls
from harness.analysis.levels import steps
from harness.analysis.levels.steps import Judged, judge, tally, timeline
from harness.mcp import outcome
from tests.fakes.events import event as happened
from tests.fakes.runs import MS, Run, S, rows


def event(at_s, name, /, **data):
    return happened(int(at_s * S), name, data)


ASKED = event(0, "step_asked", index=0, name="climb", kind="ramp", users=10, rate=None)
RUNNING = event(1, "step_running", index=0, users=10)
DONE = event(11, "step_done", index=0, start_ns=3 * S, end_ns=11 * S, reason="time")


def test_a_step_is_measured_from_settled_to_done():
    """The numbers of the drawing in the module's own words."""
    (step,) = timeline([ASKED, RUNNING, DONE], 20 * S, {})

    assert (step.index, step.name, step.kind, step.users) == (0, "climb", "ramp", 10)
    assert (step.start_ns, step.end_ns, step.cut_off) == (3 * S, 11 * S, False)


def test_a_step_that_was_cut_off_is_closed_at_the_last_sample():
    """It settles as long as planned; its users are those that ran."""
    (step,) = timeline([ASKED, RUNNING], 8 * S, {"climb": 2.0})

    assert (step.start_ns, step.end_ns, step.cut_off) == (3 * S, 8 * S, True)


@pytest.mark.parametrize(
    ("events", "last_s", "why"),
    [
        ([], 8, "nothing happened"),
        ([ASKED], 8, "its users never ran"),
        ([ASKED, RUNNING], 2, "it ended while it settled"),
        ([RUNNING, DONE], 8, "nobody asked for it"),
    ],
)
def test_a_step_without_a_measured_window_is_no_step(events, last_s, why):
    """There is nothing to say about it."""
    assert timeline(events, last_s * S, {"climb": 2.0}) == (), why


def test_a_level_that_was_repeated_appears_twice():
    """In the order in which things happened."""
    again = event(12, "step_asked", index=1, name="climb", kind="confirm", users=10, rate=None)
    done = event(20, "step_done", index=1, start_ns=13 * S, end_ns=20 * S, reason="time")

    found = timeline([ASKED, RUNNING, DONE, again, done], 20 * S, {})

    assert [(step.kind, step.users) for step in found] == [("ramp", 10), ("confirm", 10)]


@given(
    calls=st.lists(st.tuples(st.integers(0, 100), st.sampled_from(outcome.ALL)), max_size=60),
    window=st.tuples(st.integers(0, 100), st.integers(0, 100)),
)
def test_judging_counts_as_one_would_by_hand(calls, window):
    """Live, on a frame with three columns, and in the summary, on all of them: the same numbers."""
    start, end = min(window), max(window)
    frame = rows(
        len(calls),
        intended_ns=np.array([at for at, _ in calls], dtype=np.int64),
        outcome=[name for _, name in calls],
    )
    inside = [name for at, name in calls if start <= at < end]
    ok, failed = inside.count("ok"), sum(name in outcome.FAILED for name in inside)
    expected = Judged(len(inside), ok, failed, ok / (ok + failed) if ok + failed else None)

    assert judge(frame[["intended_ns", "outcome", "operation"]], start, end) == expected
    assert tally(Calls.of(frame).between(start, end)) == expected


def test_judging_takes_a_frame_without_categories():
    """Text is text, however it is stored."""
    frame = pd.DataFrame(
        {"intended_ns": [1, 2, 3], "outcome": ["ok", "unfinished", "cancelled"], "operation": "health"}
    )

    assert judge(frame, 0, 10) == Judged(3, 1, 1, 0.5)


def test_throughput_is_by_completion_and_everything_else_by_intended_start():
    """100 calls a second for 10 s, each taking 1 s: the last hundred are answered after the window."""
    run = Run()
    run.level(5, seconds=10, rps=100, ms=1000, failing=0.1)
    calls = Calls.of(run.frame())
    (step,) = timeline([happened(one.pop("at_ns"), one.pop("event"), one) for one in run.events], 0, {})

    row = steps.measure(calls, step)

    assert (row.requests, row.ok, row.failed, row.success_rate) == (1000, 900, 100, 0.9)
    assert (row.throughput_rps, row.offered_rps) == (81.0, 100.0)
    assert (row.start_s, row.end_s, row.not_sent) == (1.0, 11.0, 0)
    assert row.latency_ms.response.p95 == 1000.0


def test_an_empty_window_has_counts_and_no_rates():
    """Nothing is divided by nothing."""
    step = steps.Step(index=0, name="x", kind="ramp", users=1, rate=None, start_ns=5 * S, end_ns=5 * S)

    row = steps.measure(Calls.of(rows(0, done_ns=np.zeros(0) * MS)), step)

    assert (row.requests, row.success_rate, row.throughput_rps) == (0, None, None)


def test_how_many_were_not_sent_is_unknown_in_an_open_load():
    """Closed load leaves out nothing; an open one would have to be asked."""
    step = steps.Step(index=0, name="x", kind="rate", users=None, rate=50.0, start_ns=0, end_ns=5 * S)

    assert steps.measure(Calls.of(rows(3)), step).not_sent is None
