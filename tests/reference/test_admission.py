"""Limits, on a clock that the test moves: how many calls are let in, never how long something took."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.reference import admission as module
from harness.reference.admission import Admission


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


def calls(admission, count, client="a"):
    """How many of these are let in; each is over at once."""
    let_in = 0
    for _ in range(count):
        if admission.enter(client) is None:
            let_in += 1
            admission.leave()
    return let_in


def test_without_limits_everything_is_let_in():
    """Zero is no limit."""
    assert calls(Admission(0, 0), 10_000) == 10_000


@pytest.mark.parametrize(
    ("rate_per_s", "steps"),
    [
        (50, [(0, 60, 50), (0, 10, 0), (0.1, 10, 5), (10, 60, 50)]),
        (1, [(0, 3, 1), (0.5, 1, 0), (0.5, 1, 1)]),
        (0.1, [(0, 2, 1), (9, 1, 0), (1, 2, 1)]),
    ],
)
def test_a_second_s_worth_at_once_then_evenly(rate_per_s, steps):
    """Steps of: seconds that pass, calls that come, calls that are let in."""
    clock = Clock()
    admission = Admission(rate_per_s, 0, clock)
    for passes_s, come, let_in in steps:
        clock.now_s += passes_s
        assert calls(admission, come) == let_in


@given(
    st.lists(st.tuples(st.floats(0, 3), st.integers(0, 40)), max_size=30),
    st.sampled_from([0.5, 1, 7, 50, 1000]),
)
def test_in_no_stretch_of_time_is_more_let_in_than_the_rate_allows(bursts, rate_per_s):
    """However the calls come: never more than the rate times the stretch, and one second's worth (or one call)."""
    clock = Clock()
    admission = Admission(rate_per_s, 0, clock)
    seen = []
    for passes_s, come in bursts:
        clock.now_s += passes_s
        seen.append((clock.now_s, calls(admission, come)))
    for first in range(len(seen)):
        for last in range(first, len(seen)):
            stretch_s = seen[last][0] - seen[first][0]
            let_in = sum(count for _, count in seen[first : last + 1])
            assert let_in <= rate_per_s * stretch_s + max(1, rate_per_s) + 1e-6


def test_clients_do_not_use_up_each_other_s_rate():
    """Each has its own."""
    admission = Admission(5, 0, Clock())

    assert [calls(admission, 9, client) for client in "abc"] == [5, 5, 5]


def test_retry_after_is_true():
    """After the seconds that the refusal names the call is let in, and a second before it was not."""
    clock = Clock()
    admission = Admission(0.2, 0, clock)
    calls(admission, 1)
    refusal = admission.enter("a")
    assert (refusal.status, refusal.retry_after_s) == (429, 5)
    clock.now_s += refusal.retry_after_s - 1
    assert calls(admission, 1) == 0
    clock.now_s += 1
    assert calls(admission, 1) == 1
    assert admission.refused["rate"] == 2


def test_calls_in_flight_are_bounded_over_all_clients():
    """One more than the bound is told to come again; when one has left there is room."""
    admission = Admission(0, 2)
    assert [admission.enter(client) for client in "ab"] == [None, None]
    refusal = admission.enter("c")
    assert (refusal.status, refusal.retry_after_s, admission.in_flight) == (503, 1, 2)
    admission.leave()

    assert admission.enter("c") is None


def test_what_is_kept_of_clients_is_bounded(monkeypatch):
    """Any number of names: those that are free again go first, then the oldest."""
    monkeypatch.setattr(module, "CLIENTS_MAX", 100)
    clock = Clock()
    admission = Admission(1, 0, clock)
    for number in range(1000):
        clock.now_s += 0.001
        calls(admission, 1, str(number))
    assert len(admission._used_up_s) == 100
    assert calls(admission, 1, "999") == 0
    clock.now_s += 10
    calls(admission, 1, "new")
    assert len(admission._used_up_s) == 1
