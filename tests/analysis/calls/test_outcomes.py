"""Outcomes over time: every call that succeeded or failed is in one column of one window."""

import numpy as np

from harness.analysis.calls import outcomes
from harness.analysis.calls.calls import Calls
from harness.mcp import outcome
from tests.fakes.runs import MS, S, rows


def test_calls_count_where_they_were_completed():
    """Begun in the first second, timed out in the third."""
    frame = rows(
        3,
        intended_ns=np.array([0, 0, S]),
        done_ns=np.array([MS, 2 * S + 900 * MS, S + MS]),
        outcome=["ok", "timeout", "ok"],
    )

    found = outcomes.measure(Calls.of(frame))

    assert list(found["ok"]) == [1, 1, 0]
    assert list(found["timeout"]) == [0, 0, 1]
    assert outcomes.failures(found) == ["timeout"]


def test_the_most_frequent_have_a_column_and_the_rest_share_one():
    """Every failure of the taxonomy, the first once, the second twice, ...; those that are neither are left out."""
    names = [name for times, name in enumerate(outcome.FAILED, start=1) for _ in range(times)] + [
        *outcome.NEITHER,
        "ok",
    ]
    found = outcomes.measure(Calls.of(rows(len(names), outcome=names)))

    assert outcomes.failures(found) == [*outcome.FAILED[: -outcomes.MOST - 1 : -1], outcomes.OTHERS]
    assert found[outcomes.failures(found)].to_numpy().sum() == len(names) - len(outcome.NEITHER) - 1


def test_a_run_without_failures_has_only_ok():
    """And one without calls no rows."""
    assert outcomes.failures(outcomes.measure(Calls.of(rows(5)))) == []
    assert outcomes.measure(Calls.of(rows(0))).empty
