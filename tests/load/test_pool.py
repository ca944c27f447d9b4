"""Who takes an arrival: sessions in a story, step by step."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.load.pool import SessionPool, smooth


class Session:
    """A session that writes down what it is handed."""

    def __init__(self) -> None:
        self.handed: list[int] = []

    def hand(self, intended_ns: int) -> None:
        self.handed.append(intended_ns)


def pool(
    max_sessions: int, queue_max: int, weights: dict[str, int] | None = None
) -> tuple[SessionPool, list[str]]:
    grown: list[str] = []
    return SessionPool(weights or {"a": 1}, max_sessions, queue_max, grown.append), grown


def test_the_pool_grows_for_an_arrival_that_finds_nobody_and_no_further_than_it_may() -> None:
    """Then arrivals wait, then they are not sent; those that wait for an opening session take nobody's place."""
    one, grown = pool(2, 1)

    assert [one.arrive(at_ns) for at_ns in range(4)] == [True, True, True, False]
    assert (grown, one.oldest_ns(99)) == (["a", "a"], 0)


def test_an_arrival_goes_to_the_session_that_was_used_last() -> None:
    """So that a pool that a stall made large does not keep all its connections half alive."""
    one, _ = pool(2, 5)
    old, new = Session(), Session()
    one.arrive(1)
    one.arrive(2)
    for session in (old, new):
        one.opened()
        assert one.ready("a", session) is not None
    assert (one.ready("a", old), one.ready("a", new)) == (None, None)
    one.arrive(3)

    assert (old.handed, new.handed) == ([], [3])


def test_what_waits_is_taken_in_the_order_in_which_it_came() -> None:
    """Its intended start stands."""
    one, _ = pool(1, 5)
    session = Session()
    for at_ns in (10, 20, 30):
        assert one.arrive(at_ns)
    one.opened()

    assert [one.ready("a", session) for _ in range(4)] == [10, 20, 30, None]
    assert (one.queued, one.oldest_ns(99)) == (0, 99)


def test_every_class_has_its_first_session_kept_for_it() -> None:
    """Else the arrivals of a class would wait for ever while others fill the pool."""
    one, grown = pool(3, 100, {"a": 8, "b": 1, "c": 1})
    for at_ns in range(10):
        one.arrive(at_ns)

    assert sorted(grown) == ["a", "b", "c"]


def test_what_is_withdrawn_is_told_once() -> None:
    """In order of time, over all classes."""
    one, _ = pool(2, 100, {"a": 1, "b": 1})
    for at_ns in range(6):
        one.arrive(at_ns)

    assert (one.withdraw(), one.withdraw(), one.queued) == ([0, 1, 2, 3, 4, 5], [], 0)


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 9), min_size=1))
def test_the_mix_of_the_arrivals_is_that_of_the_weights(weights: dict[str, int]) -> None:
    """Exactly, over a round, and never far from it on the way."""
    total = sum(weights.values())
    drawn = list(islice(smooth(weights), total))

    assert {name: drawn.count(name) for name in weights} == weights
    for length in range(1, total):
        for name, weight in weights.items():
            assert drawn[:length].count(name) == pytest.approx(length * weight / total, abs=len(weights))
