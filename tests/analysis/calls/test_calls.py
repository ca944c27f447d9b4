"""Samples as columns: sorted by intended start, each call of one kind."""

import numpy as np
import pytest

from harness.analysis.calls.calls import FAILED, NEITHER, OK, Calls
from harness.mcp import outcome
from tests.fakes.runs import S, rows


@pytest.mark.parametrize("name", outcome.ALL)
def test_every_outcome_is_ok_failed_or_neither(name):
    """As the taxonomy says, outcome by outcome."""
    calls = Calls.of(rows(1, outcome=name))

    expected = OK if name == "ok" else NEITHER if name in outcome.NEITHER else FAILED
    assert list(calls.kind) == [expected]


@pytest.mark.parametrize("name", ["brand_new", None])
def test_an_outcome_that_is_not_known_is_a_failure(name):
    """Whatever a newer version or a damaged file says, it is not a success."""
    assert list(Calls.of(rows(2, outcome=[name, "ok"])).kind) == [FAILED, OK]


def test_rows_of_several_workers_are_put_in_order_of_intended_start():
    """Spools are sealed one after the other; everything else relies on the order."""
    calls = Calls.of(rows(4, intended_ns=np.array([5, 1, 4, 2]), user=[50, 10, 40, 20]))

    assert list(calls.intended_ns) == [1, 2, 4, 5]
    assert list(calls.user) == [10, 20, 40, 50]


def test_a_call_belongs_to_a_window_by_its_intended_start_with_the_end_left_out():
    """[1 s, 3 s) of calls at 0, 1, 2, 3 s; completions count by their own time."""
    calls = Calls.of(rows(4, done_ns=np.array([1, 2, 3, 9]) * S))

    assert list(calls.between(S, 3 * S).intended_ns) == [S, 2 * S]
    assert calls.completed(S, 3 * S) == 2
    assert calls.completed(3 * S, 9 * S) == 1


def test_calls_of_an_operation_or_an_outcome_nobody_used_are_none():
    """A name that is not there selects nothing, not everything."""
    calls = Calls.of(rows(3, operation=["a", "b", "a"], outcome=["ok", "timeout", "timeout"]))

    assert (len(calls.of_operation("a")), len(calls.of_operation("c"))) == (2, 0)
    assert (calls.of_outcome("timeout"), calls.of_outcome("reset")) == (2, 0)


def test_no_samples_are_no_calls():
    """An empty run has all the columns."""
    calls = Calls.of(rows(0))

    assert len(calls) == 0
    assert calls.count(OK) == 0
    assert len(calls.between(0, S)) == 0
