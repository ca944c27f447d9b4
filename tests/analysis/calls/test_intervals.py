"""Intervals of a step: the step's own figures, cut up."""

from itertools import pairwise

import pytest

from harness.analysis.calls.calls import Calls
from harness.analysis.calls.intervals import COLUMNS, measure, pieces
from harness.analysis.levels.steps import Step, timeline
from tests.fakes.events import event as happened
from tests.fakes.runs import Run

S = 1_000_000_000


def step(for_s: float) -> Step:
    return Step(
        index=0,
        name="steady",
        kind="sustain",
        users=5,
        rate=None,
        start_ns=2 * S,
        end_ns=2 * S + int(for_s * S),
    )


@pytest.mark.parametrize(
    ("for_s", "edges_s"),
    [
        (30, [2, 12, 22, 32]),
        (34.9, [2, 12, 22, 36.9]),  # less than half a piece is no piece of its own
        (35, [2, 12, 22, 32, 37]),
        (4, [2, 6]),
        (0, [2, 2]),
    ],
)
def test_the_pieces_cover_the_step_and_nothing_twice(for_s: float, edges_s: list[float]) -> None:
    """From its first moment to its last."""
    found = pieces(step(for_s), 10.0)

    assert [(one.start_ns / S, one.end_ns / S) for one in found] == list(pairwise(edges_s))


def test_every_interval_has_the_figures_of_its_own_calls():
    """100 a second for 20 s, cut into 10 s: what is counted sums to the step, and only steps with an interval are cut."""
    run = Run()
    run.level(5, seconds=20, rps=100, ms=10)
    calls = Calls.of(run.frame())
    timed = timeline([happened(one.pop("at_ns"), one.pop("event"), one) for one in run.events], 0, {})
    (only,) = timed
    rows = measure(calls, timed, {"steps": [{"phase": only.name, "interval_s": 10.0}]})

    assert [(row["requests"], row["throughput_rps"], row["p50_ms"]) for row in rows] == [
        (1000, 99.9, 10),
        (1000, 100, 10),
    ]
    assert [tuple(row) for row in rows] == [COLUMNS] * 2
    assert measure(calls, timed, {"steps": [{"phase": only.name}]}) == []
    assert measure(calls, timed, {}) == []
