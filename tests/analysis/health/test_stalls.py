"""Stalls: what the harness says of itself, what the reports of workers tell, and what follows for the verdict."""

from typing import Any

import pytest

from harness.analysis.health import stalls
from harness.run_directory.event_kinds import Event
from tests.fakes.events import event as happened

S = 1_000_000_000


def at(seconds: float) -> int:
    return int(seconds * S)


def report(at_s: float, lag_ms: float = 0.1, worker: int = 0) -> Event:
    return happened(at(at_s), "generator", {"worker": worker, "lag_ms": [0.2, lag_ms]})


def step(index: int, start_s: float, end_s: float) -> list[Event]:
    done: dict[str, Any] = {"index": index, "start_ns": at(start_s + 1), "end_ns": at(end_s)}
    return [happened(at(start_s), "step_running", {"index": index}), happened(at(end_s), "step_done", done)]


def told(*times_s: float, worker: int = 0) -> list[Event]:
    return [report(one, worker=worker) for one in times_s]


STEPS = [*step(0, 0, 10), *step(1, 10, 40)]
STALL = happened(at(21), "stalled", {"for_ms": 6000, "asleep": False})


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([STALL], "the harness did not run for 6.0 s, 15.0 s into the run (stopped, or the machine paused); nothing of step 1 can be trusted"),
        ([happened(at(9), "stalled", {"for_ms": 6000})], "the harness did not run for 6.0 s, 3.0 s into the run (stopped, or the machine paused); nothing of step 0 can be trusted"),
        ([happened(at(12), "stalled", {"for_ms": 6000})], "the harness did not run for 6.0 s, 6.0 s into the run (stopped, or the machine paused); nothing of steps 0, 1 can be trusted"),
        ([happened(at(90), "stalled", {"for_ms": 6000})], "the harness did not run for 6.0 s, 84.0 s into the run (stopped, or the machine paused)"),
        ([happened(at(20), "stalled", {"for_ms": 7_200_000, "asleep": True})], "the harness did not run for 7200.0 s, 20.0 s into the run (the machine was asleep); nothing of step 1 can be trusted"),
        ([*told(14.5, 15), report(21, 5900), *told(21.5)], "worker 0 did not run for 6.0 s, 15.0 s into the run (stopped, or the machine paused); nothing of step 1 can be trusted"),
        ([*told(14.5, 15, 21), report(21.5, 5900)], "worker 0 did not run for 6.0 s, 15.0 s into the run (stopped, or the machine paused); nothing of step 1 can be trusted"),
        ([*told(15), report(21, 5900), *told(15, worker=1), report(21, 5900, 1), STALL], "the harness, worker 0 and worker 1 did not run for 6.0 s, 15.0 s into the run (stopped, or the machine paused); nothing of step 1 can be trusted"),
    ],
)  # fmt: skip
def test_who_did_not_run_when_and_what_it_touched(events: list[Event], reason: str) -> None:
    """One reason for all that stopped together, and the run is unknown."""
    (found,) = stalls.findings([*STEPS, *events])

    assert (found.outcome, found.exit_code, found.certain) == ("unknown", 3, False)
    assert found.reason == reason


@pytest.mark.parametrize(
    "events",
    [
        told(14.5, 15, 15.5, 16),
        [*told(15), report(17.9, 2900), *told(18)],  # short: the error budget sees to it
        told(15, 21, 21.5),  # reports are missing, but nothing was late: that is damage
        [*told(50), report(56, 5900)],  # no step was played
    ],
)
def test_what_is_no_stall(events: list[Event]) -> None:
    """Nothing is said."""
    assert stalls.findings([*STEPS, *events]) == []


def test_a_step_that_never_ended_is_touched() -> None:
    """The run ends where it was stopped."""
    (found,) = stalls.findings([*step(0, 0, 10), happened(at(10), "step_running", {"index": 1}), STALL])

    assert found.reason.endswith("nothing of step 1 can be trusted")
