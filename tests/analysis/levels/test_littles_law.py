"""Little's law: what is counted in flight agrees with rate times time, and contradicts impossible numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.calls.calls import Calls
from harness.analysis.levels import littles_law
from harness.analysis.levels.steps import Step
from tests.fakes.runs import MS, S, rows


def step(users, start_s=0, end_s=10, rate=None):
    return Step(
        index=0,
        name="a",
        kind="ramp",
        users=users,
        rate=rate,
        start_ns=int(start_s * S),
        end_ns=int(end_s * S),
    )


def test_rate_times_time_is_what_is_in_flight():
    """100 calls a second of 50 ms each: five at a time, of five users."""
    calls = Calls.of(
        rows(1000, intended_ns=np.arange(1000) * 10 * MS, done_ns=np.arange(1000) * 10 * MS + 50 * MS)
    )

    (balance,) = littles_law.measure(calls, [step(5)])

    assert balance.in_flight == pytest.approx(5, rel=0.01)
    assert balance.holds


def test_more_in_flight_than_users_is_a_contradiction():
    """The same calls by two users can't be: somebody's clock, or somebody's count, is wrong."""
    calls = Calls.of(
        rows(1000, intended_ns=np.arange(1000) * 10 * MS, done_ns=np.arange(1000) * 10 * MS + 50 * MS)
    )

    (balance,) = littles_law.measure(calls, [step(2)])

    assert not balance.holds


def test_open_load_and_empty_windows_are_not_checked():
    """Arrivals have no bound; nothing can be divided by no time."""
    calls = Calls.of(rows(10))

    assert littles_law.measure(calls, [step(5, rate=100.0), step(None), step(5, end_s=0)]) == ()


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 9_999), st.integers(0, 20_000)), min_size=1, max_size=40))
def test_the_count_is_the_one_that_a_slow_walk_gives(drawn):
    """Millisecond by millisecond, of the calls that began in the window."""
    intended = np.array([at for at, _ in drawn], dtype=np.int64) * MS
    done = intended + np.array([took for _, took in drawn]) * MS
    calls = Calls.of(rows(len(drawn), intended_ns=intended, done_ns=done))

    open_ms = sum(max(0, min(at + took, 8_000) - at) for at, took in drawn if 2_000 <= at < 8_000)

    assert littles_law.in_flight(calls, 2 * S, 8 * S) == pytest.approx(open_ms / 6_000)
