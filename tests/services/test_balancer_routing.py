"""Which process gets a request, and why a session was lost: a table for each rule."""

from collections import Counter

import pytest

from harness.scenario.catalogue import BALANCES
from harness.services.balancer import routing
from harness.services.balancer.routing import Balance, LostSessions, Member, Router, State

THREE = ("a", "b", "c")


def router(balance: Balance) -> Router:
    return Router([Member(name, "127.0.0.1", number) for number, name in enumerate(THREE, 1)], balance)


def first(router: Router, session: str = "", address: str = "10.0.0.1", last: Member | None = None) -> str:
    """Who is asked first; everybody else that serves follows, once."""
    chosen = router.choose(session, address, last)
    serving = {each.name for each in router.members if each.state is State.SERVES}
    assert serving <= {each.name for each in chosen}
    assert len(chosen) == len({each.name for each in chosen})
    return chosen[0].name


def test_the_words_of_a_scenario_are_those_of_the_balancer() -> None:
    assert set(BALANCES) == {str(one) for one in Balance}


def test_by_turns_each_gets_the_same_share() -> None:
    turns = router(Balance.REQUESTS)
    assert Counter(first(turns) for _ in range(30)) == {"a": 10, "b": 10, "c": 10}


@pytest.mark.parametrize("state", [State.DRAINS, State.AWAY])
def test_one_that_does_not_serve_gets_nothing_new(state: State) -> None:
    turns = router(Balance.REQUESTS)
    turns.member("b").state = state
    assert Counter(first(turns) for _ in range(10)) == {"a": 5, "c": 5}


def test_a_session_stays_with_its_process_also_while_that_drains() -> None:
    by_session = router(Balance.SESSION)
    b = by_session.member("b")
    by_session.opened("s", b)
    assert {first(by_session, "s") for _ in range(5)} == {"b"}
    b.state = State.DRAINS
    assert first(by_session, "s") == "b"
    assert {first(by_session, "unknown") for _ in range(10)} == {"a", "c"}
    b.state = State.AWAY
    assert first(by_session, "s") in {"a", "c"}


def test_a_connection_stays_with_its_process_while_that_serves() -> None:
    by_connection = router(Balance.CONNECTIONS)
    c = by_connection.member("c")
    assert {first(by_connection, last=c) for _ in range(5)} == {"c"}
    c.state = State.DRAINS
    assert first(by_connection, last=c) != "c"


def test_an_address_stays_and_others_move_only_where_they_must() -> None:
    by_address = router(Balance.ADDRESS)
    addresses = [f"10.0.0.{number}" for number in range(60)]
    before = {address: first(by_address, address=address) for address in addresses}
    assert set(before.values()) == set(THREE)
    by_address.member("a").state = State.AWAY
    after = {address: first(by_address, address=address) for address in addresses}
    assert all(after[address] == name for address, name in before.items() if name != "a")


def test_where_nobody_serves_nobody_is_asked() -> None:
    nobody = router(Balance.SESSION)
    for member in nobody.members:
        member.state = State.AWAY
    assert nobody.choose("s", "10.0.0.1", None) == []


@pytest.mark.parametrize(
    ("asked", "change", "lost"),
    [
        ("b", "none", LostSessions(elsewhere=1)),
        ("a", "none", LostSessions(forgotten=1)),
        ("a", "replaced", LostSessions(replaced=1)),
        ("b", "replaced", LostSessions(replaced=1)),
        ("b", "away", LostSessions(replaced=1)),
    ],
)
def test_a_lost_session_counts_once_with_its_reason(asked: str, change: str, lost: LostSessions) -> None:
    turns = router(Balance.REQUESTS)
    a = turns.member("a")
    turns.opened("s", a)
    if change == "replaced":
        turns.replaced(a, "127.0.0.1", 9)
    elif change == "away":
        a.state = State.AWAY
    turns.gone("s", turns.member(asked))
    turns.gone("s", turns.member(asked))
    assert turns.lost == lost


def test_a_bad_request_is_no_lost_session_unless_another_process_was_asked() -> None:
    turns = router(Balance.REQUESTS)
    turns.opened("s", turns.member("a"))
    turns.gone("s", turns.member("a"), certain=False)
    assert turns.lost == LostSessions()
    turns.gone("s", turns.member("b"), certain=False)
    assert turns.lost == LostSessions(elsewhere=1)


def test_a_session_that_was_closed_is_not_lost() -> None:
    turns = router(Balance.REQUESTS)
    turns.opened("s", turns.member("a"))
    turns.closed("s")
    turns.gone("s", turns.member("b"))
    assert turns.lost == LostSessions()


def test_the_oldest_sessions_are_forgotten_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "SESSIONS_MOST", 2)
    by_session = router(Balance.SESSION)
    for name, session in zip(THREE, "xyz", strict=True):
        by_session.opened(session, by_session.member(name))
    assert [first(by_session, session) for session in "yz"] == ["b", "c"]
    by_session.gone("x", by_session.member("a"))
    assert by_session.lost == LostSessions()
