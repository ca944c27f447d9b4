"""What objectives are compared with: where they look, and how failures count."""

import math
from dataclasses import replace

import numpy as np
import pytest

from harness.analysis.calls.calls import Calls
from harness.analysis.faults import impact
from harness.analysis.faults.planned import PlannedFault
from harness.analysis.faults.recovery import Recovery
from harness.analysis.levels.steps import Step
from harness.analysis.objectives.observed import ObjectiveInputs, observe
from harness.run_directory.results import WorkResult
from harness.scenario.objectives import parse
from tests.fakes.results import filled
from tests.fakes.runs import MS, S, rows


def step(name, start_s, end_s):
    return Step(index=0, name=name, kind="ramp", users=5, rate=None, start_ns=start_s * S, end_ns=end_s * S)


STEPS = (step("climb", 10, 20), step("steady", 30, 50))
FAULT = PlannedFault(
    name="slow-db", kind="latency", link="database", on_ns=35 * S, off_ns=40 * S, healed_ns=41 * S
)


def evidence(frame=None, *, faults=(), work=None, lost=0):
    """100 calls a second from 0 to 60 s: 10 ms each, 30 ms from 30 s on, 90 ms from 35 s to 40 s."""
    if frame is None:
        at_s = np.arange(6000) / 100
        took = np.select([at_s < 30, (at_s >= 35) & (at_s < 40)], [10, 90], 30)
        intended = (at_s * S).round().astype(np.int64)
        operation = np.where(np.arange(6000) % 2, "tools/call:odd", "tools/call:even")
        frame = rows(6000, intended_ns=intended, done_ns=intended + took * MS, operation=operation)
    calls = Calls.of(frame)
    impacts = impact.measure(calls, faults, STEPS)
    written = work and filled(WorkResult, **work)
    return ObjectiveInputs(calls, calls.of_load(), STEPS, impacts, work=written, sessions_lost=lost)


SCOPES = [
    # objective, observed
    ("max < 1s", 30.0),  # the measured windows, outside the fault
    ("max < 1s in climb", 10.0),
    ("max < 1s in steady", 90.0),  # a step is a step, fault or not
    ("max < 1s during slow-db", 90.0),
    ("max < 1s after slow-db", 30.0),
    ("p50 < 1s overall", 10.0),
    ("mean < 1s in climb", 10.0),
    ("p50 < 1s", 30.0),  # 1000 calls of 10 ms and 1300 of 30 ms
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
    ("missing == 0", "the scenario has no `work`, so entries were not counted"),
]


@pytest.mark.parametrize(("text", "why"), NOTHING)
def test_what_cannot_be_observed_says_why(text, why):
    """Unknown, with a reason, never a pass."""
    seen = observe(parse(text), evidence(faults=[FAULT]))

    assert (seen.value, seen.why) == (None, why)


def test_without_a_step_there_is_nothing_to_look_at():
    """Nor overall, without a call."""
    empty = ObjectiveInputs(Calls.of(rows(0)), Calls.of(rows(0)), ())

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


def recovering(**outcomes):
    """Faults whose recovery is known: seconds, None for not recovered, or why nobody knows."""
    found = evidence(faults=[replace(FAULT, name=name) for name in outcomes])
    known = {
        name: Recovery(outcome="unknown", why=how)
        if isinstance(how, str)
        else Recovery(outcome="not_recovered", observed_s=9.6)
        if how is None
        else Recovery(outcome="recovered", recover_s=how)
        for name, how in outcomes.items()
    }
    impacts = [replace(one, recovery=known[one.fault.name]) for one in found.impacts]
    return replace(found, impacts=impacts)


RECOVERY = [
    # recoveries, objective, observed, why
    ({"a": 4.0, "deploy": 7.0}, "recovery < 10s after deploy", 7.0, ""),
    ({"a": 4.0, "deploy": 7.0}, "recovery < 10s", 7.0, ""),
    ({"a": 0.0}, "recovery < 10s", 0.0, ""),
    ({"a": 4.0, "kill": None}, "recovery < 10s", math.inf, "not recovered 10 s after healing kill"),
    ({"a": 4.0, "kill": None}, "recovery < 10s after a", 4.0, ""),
    ({"a": "too few", "kill": None}, "recovery < 10s", math.inf, "not recovered 10 s after healing kill"),
    ({"a": 4.0, "b": "too few"}, "recovery < 10s", None, "recovery after b is not known: too few"),
]


@pytest.mark.parametrize(("outcomes", "text", "value", "why"), RECOVERY)
def test_recovery_is_that_of_the_slowest_fault(outcomes, text, value, why):
    """A fault that was never recovered from took for ever; one that nobody could see is not known."""
    seen = observe(parse(text), recovering(**outcomes))

    assert (seen.value, seen.why) == (value, why)


def test_a_placebo_that_did_not_recover_says_nothing_of_the_service():
    """Then the measurement is at fault: unknown, not for ever."""
    found = recovering(placebo=None)
    impacts = [replace(one, fault=replace(one.fault, kind="noop")) for one in found.impacts]
    seen = observe(parse("recovery < 10s"), replace(found, impacts=impacts))

    assert (seen.value, seen.why) == (
        None,
        "recovery after placebo is not known: the placebo did not recover",
    )


def at(*calls):
    """Calls of [intended, done) in seconds, each with what became of it."""
    count = len(calls)
    return rows(
        count,
        intended_ns=np.array([int(start * S) for start, _, _ in calls]),
        done_ns=np.array([int(end * S) for _, end, _ in calls]),
        outcome=np.array([outcome for _, _, outcome in calls]),
    )


TOUCHED = [
    # the fault is on from 35 to 40 s, and healed at 41 s
    ((33.5, 33.9), "outside"),
    ((33.5, 34.5), "neither"),  # it may have been applied already
    ((33.5, 35.5), "during"),  # it was on its way when the fault came
    ((39.9, 40.5), "during"),
    ((40.5, 40.6), "neither"),  # being healed
    ((41.0, 41.1), "outside"),
]


@pytest.mark.parametrize(("call", "where"), TOUCHED)
def test_a_call_that_a_fault_touched_is_no_call_of_the_load_step(call, where):
    """However it began: what fails because of a fault fails no objective that holds outside of it."""
    found = evidence(at((32.0, 32.1, "ok"), (*call, "reset"), (45.0, 45.1, "ok")), faults=[FAULT])
    count = {text: observe(parse(f"failed == 0{text}"), found).value for text in ("", " during slow-db")}

    assert (count[""] == 1, count[" during slow-db"] == 1) == (where == "outside", where == "during")
    assert observe(parse("failed == 0 in steady"), found).value == 1
    assert observe(parse("failed == 0 overall"), found).value == 1


def test_an_objective_on_work_that_nobody_could_read_back_is_unknown():
    """With the reason."""
    found = evidence(work={"missing": None, "duplicated": None, "unread": "connect: refused"})

    seen = observe(parse("missing == 0"), found)
    assert (seen.value, seen.why) == (None, "what was written could not be read back: connect: refused")


def test_work_and_sessions_are_read_from_what_was_found():
    """Counted elsewhere, compared here."""
    found = evidence(work={"missing": 2, "duplicated": 1}, lost=3)

    assert [observe(parse(f"{name} == 0"), found).value for name in ("missing", "duplicated", "lost")] == [
        2,
        1,
        3,
    ]
