"""What objectives are compared with: where they look, and how failures count."""

import math

import numpy as np
import pytest

from harness.analysis.calls import Calls
from harness.analysis.observed import Evidence, observe
from harness.analysis.steps import Step
from harness.objectives import parse
from tests.fakes.runs import MS, S, rows


def step(name, start_s, end_s):
    return Step(index=0, name=name, kind="ramp", users=5, rate=None, start_ns=start_s * S, end_ns=end_s * S)


STEPS = (step("climb", 10, 20), step("steady", 30, 50))
FAULT = {"name": "slow-db", "start_s": 35.0, "end_s": 40.0, "recover_s": 4.0}


def evidence(frame=None, *, faults=(), work=None, lost=0):
    """100 calls a second from 0 to 60 s: 10 ms each, 30 ms from 30 s on, 90 ms from 35 s to 40 s."""
    if frame is None:
        at_s = np.arange(6000) / 100
        took = np.select([at_s < 30, (at_s >= 35) & (at_s < 40)], [10, 90], 30)
        intended = (at_s * S).round().astype(np.int64)
        operation = np.where(np.arange(6000) % 2, "tools/call:odd", "tools/call:even")
        frame = rows(6000, intended_ns=intended, done_ns=intended + took * MS, operation=operation)
    summary = {"faults": list(faults), "sessions": {"lost": lost}, "work": work}
    return Evidence(Calls.of(frame), STEPS, summary)


SCOPES = [
    # objective, observed
    ("max < 1s", 30.0),  # the measured windows, outside the fault
    ("max < 1s in climb", 10.0),
    ("max < 1s in steady", 90.0),  # a step is a step, fault or not
    ("max < 1s during slow-db", 90.0),
    ("max < 1s after slow-db", 30.0),
    ("p50 < 1s overall", 10.0),
    ("mean < 1s in climb", 10.0),
    ("p50 < 1s", 30.0),  # 1000 calls of 10 ms and 1500 of 30 ms
    ("throughput > 1/s in climb", 100.0),
    ("throughput > 1/s for tools/call:odd in climb", 50.0),
    ("success_rate > 1%", 1.0),
    ("failed == 0", 0),
    ("rate_limited == 0", 0),
]


@pytest.mark.parametrize(("text", "value"), SCOPES)
def test_objectives_look_where_they_say(text, value):
    """Known answers, scope by scope."""
    seen = observe(parse(text), evidence(faults=[FAULT]))

    assert seen.value == pytest.approx(value)
    assert seen.why == ""


NOTHING = [
    ("p95 < 1s in nowhere", "nothing was measured in nowhere"),
    ("p95 < 1s during nothing", "nothing was measured during nothing"),
    ("max < 1s for tools/call:none", "no call of tools/call:none began in that time"),
    ("recovery < 10s after nothing", "there was no such fault"),
    ("missing == 0", "this run did not count its work"),
    ("p999 < 1s in climb", "p999 needs 10,000 calls, there were 1,000"),
]


@pytest.mark.parametrize(("text", "why"), NOTHING)
def test_what_cannot_be_observed_says_why(text, why):
    """Unknown, with a reason, never a pass."""
    seen = observe(parse(text), evidence(faults=[FAULT]))

    assert (seen.value, seen.why) == (None, why)


def test_without_a_step_there_is_nothing_to_look_at():
    """Nor overall, without a call."""
    empty = Evidence(Calls.of(rows(0)), (), {"faults": [], "sessions": {"lost": 0}, "work": None})

    assert observe(parse("max < 1s"), empty).why == "no step was measured"
    assert observe(parse("max < 1s overall"), empty).value is None


def failing(share, count=1000):
    """Calls in `climb`, that share of them failed."""
    outcome = np.where(np.arange(count) < count * share, "reset", "ok")
    intended = 10 * S + np.arange(count, dtype=np.int64) * 10 * S // count
    return rows(count, intended_ns=intended, done_ns=intended + 5 * MS, outcome=outcome)


@pytest.mark.parametrize(
    ("text", "share", "value"),
    [
        ("p95 < 1s", 0.05, 5.0),  # the 95th of a hundred is still an ok call
        ("p95 < 1s", 0.051, math.inf),
        ("p50 < 1s", 0.4, 5.0),
        ("p50 < 1s", 0.6, math.inf),
        ("max < 1s", 0.001, math.inf),
        ("mean < 1s", 0.001, math.inf),
        ("success_rate > 50%", 0.25, 0.75),
        ("failed == 0", 0.25, 250),
    ],
)
def test_failed_calls_are_infinitely_slow(text, share, value):
    """A server that fails fast cannot pass."""
    seen = observe(parse(text), evidence(failing(share)))

    assert seen.value == value
    assert ("count as infinitely slow" in seen.why) == math.isinf(value)


def test_calls_that_are_neither_are_left_out():
    """Only questions to a person: nothing succeeded, nothing failed, nothing is known."""
    frame = failing(0).assign(outcome="input_required")

    for text in ("p95 < 1s", "success_rate > 1%"):
        assert observe(parse(text), evidence(frame)).why == "no call succeeded or failed in that time"


def test_rate_limits_are_counted_by_themselves():
    """429 has a name of its own."""
    frame = failing(0.25)
    frame["outcome"] = frame["outcome"].cat.rename_categories({"reset": "rate_limited"})

    assert observe(parse("rate_limited == 0"), evidence(frame)).value == 250


def test_recovery_is_that_of_the_slowest_fault():
    """A fault that was never recovered from took for ever."""
    faults = [
        FAULT,
        FAULT | {"name": "deploy", "recover_s": 7.0},
        FAULT | {"name": "kill", "recover_s": None},
    ]

    assert observe(parse("recovery < 10s after deploy"), evidence(faults=faults)).value == 7.0
    assert observe(parse("recovery < 10s"), evidence(faults=faults[:2])).value == 7.0
    forever = observe(parse("recovery < 10s"), evidence(faults=faults))
    assert forever.value == math.inf
    assert forever.why == "the service did not recover before the end of the run"


def test_work_and_sessions_are_read_from_what_was_found():
    """Counted elsewhere, compared here."""
    found = evidence(work={"missing": 2, "duplicated": 1}, lost=3)

    assert [observe(parse(f"{name} == 0"), found).value for name in ("missing", "duplicated", "lost")] == [
        2,
        1,
        3,
    ]
