"""Why totals and steps are not the same number: every call is somewhere, once."""

from typing import Any

import numpy as np
import pytest

from harness.analysis.calls.calls import Calls
from harness.analysis.calls.outside_steps import Outside, measure
from harness.analysis.levels.steps import timeline
from harness.run_directory.event_kinds import Event
from harness.run_directory.results import StepResult
from tests.fakes.events import event as happened
from tests.fakes.results import filled
from tests.fakes.runs import S, rows


def step(asked_s: float, running_s: float, start_s: float, end_s: float) -> list[Event]:
    window = {"start_ns": int(start_s * S), "end_ns": int(end_s * S)}
    return [
        happened(int(asked_s * S), "step_asked", {"index": 0, "name": "a", "kind": "rate", "rate": 100.0}),
        happened(int(running_s * S), "step_running", {"index": 0, "users": None}),
        happened(int(end_s * S), "step_done", {"index": 0, **window}),
    ]


def found(events: list[Event], at_s: Any, requests: list[int]) -> Outside:
    calls = Calls.of(rows(len(at_s), intended_ns=(np.asarray(at_s) * S).astype(np.int64)))
    return measure(
        calls, events, timeline(events, 0, {}), [filled(StepResult, requests=count) for count in requests]
    )


def test_a_rate_of_which_a_fifth_settles_and_some_arrives_while_the_step_closes() -> None:
    """100/s for 5 s and half a second more: the step has 400 of 552."""
    at_s = 1 + np.arange(552) / 100 + 1e-6

    assert found(step(0.9, 1, 2, 6), at_s, [400]) == Outside(552, 400, settling=100, closing=52)


@pytest.mark.parametrize("steps", [1, 2])
def test_steps_by_count_have_all_there_is(steps: int) -> None:
    """They are measured from their first call to their last."""
    events = step(0, 1, 1, 5) + (step(5, 6, 6, 9) if steps == 2 else [])
    at_s = [1, 2, 4.9, *([6, 8.9] if steps == 2 else [])]

    assert found(events, at_s, [3, 2][:steps]) == Outside(len(at_s), len(at_s))


def test_what_begins_in_the_same_moment_follows_in_the_order_of_a_step() -> None:
    """One step's end is the next one's beginning; a call of that moment is the next one's."""
    events = step(0, 1, 1, 5) + step(5, 5, 5, 9)

    assert found(events, [1, 5, 9], [1, 1]) == Outside(3, 2, closing=1)


def test_calls_that_a_fault_disturbed_and_those_of_no_step_at_all() -> None:
    """What a step leaves out of its own time; what came before anybody asked for a step."""
    assert found(step(1, 2, 3, 9), [0.5, 1.5, 2.5, 4, 5, 6], [1]) == Outside(
        6, 1, starting=1, settling=1, faults=2, other=1
    )
    assert found([], [1, 2], []) == Outside(2, 0, other=2)
