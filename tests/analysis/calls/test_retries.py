"""Retries: calls put together again from their attempts, with answers that were counted by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.calls.calls import Calls
from harness.analysis.calls.retries import measure
from tests.fakes.events import event as happened
from tests.fakes.runs import rows

POLICY = {"attempts": 3, "backoff_s_first": 0.1, "backoff_s_most": 2.0, "budget": 0.2}


def calls(*attempts, **columns):
    """(user, outcome, retry) in the order of time, a second apart, each 10 ms long."""
    users, outcomes, again = zip(*attempts, strict=True) if attempts else ((), (), ())
    classes = [f"LightUser{'+retry' * one}" for one in again]
    return Calls.of(rows(len(users), user=list(users), outcome=list(outcomes), user_class=classes, **columns))


def counted(found):
    return (found.calls, found.retried, found.succeeded, found.given_up, found.success_rate)


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        ([], (0, 0, 0, 0, None)),
        ([(0, "ok", 0)], (1, 0, 0, 0, 1.0)),
        ([(0, "reset", 0), (0, "ok", 1)], (1, 1, 1, 0, 1.0)),
        ([(0, "reset", 0), (0, "reset", 1), (0, "timeout", 1)], (1, 2, 0, 1, 0.0)),
        ([(0, "tool_error", 0), (0, "ok", 0)], (2, 0, 0, 0, 0.5)),
        # two users at once, each with its own
        ([(0, "reset", 0), (1, "reset", 0), (0, "ok", 1), (1, "reset", 1)], (2, 2, 1, 1, 0.5)),
        # cut off by a person: neither
        ([(0, "reset", 0), (0, "cancelled", 1)], (1, 1, 0, 0, None)),
        # whose first attempt is not there
        ([(0, "ok", 1), (0, "ok", 0)], (2, 1, 0, 0, 1.0)),
    ],
)
def test_calls_are_put_together_from_their_attempts(attempts, expected):
    """A call ends as its last attempt did."""
    assert counted(measure(calls(*attempts), POLICY, [])) == expected


def test_a_session_that_is_opened_in_between_belongs_to_no_call():
    """The retry is of the call, not of what came between."""
    operations = ["tools/call:a", "initialize", "tools/call:a"]
    found = measure(
        calls((0, "reset", 0), (0, "ok", 0), (0, "ok", 1), operation=operations),
        POLICY,
        [],
    )

    assert counted(found) == (2, 1, 1, 0, 1.0)


def test_the_time_of_a_call_is_from_its_first_attempt_to_the_end_of_its_last():
    """Waits and all: a second between the attempts, ten milliseconds for the last."""
    found = measure(calls((0, "reset", 0), (0, "ok", 1)), POLICY, [])

    assert found.latency_ms.max == 1010.0


def test_refusals_are_what_each_worker_said_last():
    """Counts that grow, of two workers."""
    said = [happened(n, "generator", {"worker": n % 2, "retries_refused": n}) for n in range(1, 7)]

    assert measure(calls(), POLICY, [*said, happened(9, "generator", {"worker": 0})]).budget_exhausted == 11


def test_clients_that_try_nothing_again_have_no_block():
    """Off is not zero."""
    assert measure(calls((0, "reset", 0)), None, []) is None


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["ok", "reset"]), st.booleans()), max_size=60))
def test_every_attempt_belongs_to_exactly_one_call(attempts):
    """Whatever came: calls and the retries that were put to one make all rows."""
    found = measure(calls(*attempts), POLICY, [])
    orphans = sum(
        again and not any(user == other for other, *_ in attempts[:number])
        for number, (user, _, again) in enumerate(attempts)
    )

    assert found.calls + found.retried - orphans == len(attempts)
    assert found.succeeded + found.given_up <= found.calls


def test_rows_of_several_operations_do_not_depend_on_their_order():
    """A million rows are sorted once; here a few, shuffled."""
    whole = calls(*[(n % 5, "reset" if n % 3 else "ok", n % 3 == 2) for n in range(90)])
    order = np.random.default_rng(1).permutation(len(whole))

    assert measure(whole.take(order), POLICY, []) == measure(whole, POLICY, [])
