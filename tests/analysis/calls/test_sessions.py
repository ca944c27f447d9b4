"""Sessions: opened, lost, opened again."""

import pytest

from harness.analysis.calls.calls import Calls
from harness.analysis.calls.sessions import fate, measure, survived_restart
from harness.analysis.faults.planned import PlannedFault
from harness.run_directory.results import SessionsFound, Storm
from tests.fakes.results import plain
from tests.fakes.runs import rows

S = 10**9
INITIALIZE, CALL = "initialize", "tools/call:a"
RESTART = PlannedFault(name="r", kind="restart", link="target", on_ns=100 * S, off_ns=102 * S)


def test_sessions_are_counted_by_the_calls_that_open_and_lose_them():
    """User 1 of worker 0 opens twice; user 1 of worker 1 is somebody else; a failed opening opened nothing."""
    frame = rows(
        6,
        operation=["initialize", "initialize", "initialize", "websocket/open", "tools/call:a", "initialize"],
        outcome=["ok", "ok", "ok", "ok", "session_lost", "timeout"],
        user=[1, 1, 1, 2, 1, 3],
        worker=[0, 0, 1, 0, 0, 0],
    )

    assert plain(measure(Calls.of(frame))) == {
        "opened": 4,
        "lost": 1,
        "reopened": 1,
        "survived_restart": None,
    }


def test_a_run_without_sessions_has_none():
    """Plain HTTP, or nothing at all."""
    for frame in (rows(3), rows(0)):
        assert plain(measure(Calls.of(frame))) == {
            "opened": 0,
            "lost": 0,
            "reopened": 0,
            "survived_restart": None,
        }


def calls(*told: tuple[float, int, int, str, str]) -> Calls:
    """(second, user, session, operation, outcome)."""
    seconds, users, sessions, operations, outcomes = (list(column) for column in zip(*told, strict=True))
    frame = rows(
        len(told),
        intended_ns=[int(at * S) for at in seconds],
        user=users,
        session=sessions,
        operation=operations,
        outcome=outcomes,
    )
    return Calls.of(frame.sort_values("intended_ns"))


OPENED = [(10.0 * user, user, user, INITIALIZE, "ok") for user in range(1, 6)]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ([(103, 1, 1, CALL, "ok")], (1, 1, 0, 0)),
        ([(101, 1, 1, CALL, "ok")], (1, 0, 0, 0)),  # during it nobody knows
        ([(103, 1, 1, CALL, "connect")], (1, 0, 0, 0)),
        ([(103, 1, 1, "health", "ok"), (104, 1, 1, "status", "ok")], (1, 0, 0, 0)),  # they need none
        ([(103, 1, 1, CALL, "session_lost"), (103.1, 1, 9, INITIALIZE, "ok"), (104, 1, 9, CALL, "ok")], (1, 0, 1, 1)),
        ([(103, 1, 1, CALL, "session_lost"), (103.1, 1, 1, CALL, "ok")], (1, 0, 1, 0)),
        ([(101, 2, 2, CALL, "reset"), (101.1, 2, 9, INITIALIZE, "connect"), (103, 2, 10, INITIALIZE, "ok")], (1, 0, 0, 1)),
        ([(103, user, user, CALL, "ok") for user in (1, 2, 3)], (3, 3, 0, 0)),
        ([(103, 7, 7, CALL, "ok")], None),  # a user without a session
        ([(103, 7, 7, INITIALIZE, "ok")], None),
    ],
)  # fmt: skip
def test_sessions_that_a_fault_found_survive_it_or_are_lost_or_opened_again(after, expected):
    """By their calls since; a user who never calls again had left."""
    found = fate(calls(*OPENED, *after), RESTART, [RESTART])

    assert (found and (found.present, found.survived, found.lost, found.reopened)) == expected


def test_a_session_counts_until_the_next_fault_and_only_the_last_of_a_user():
    """What comes later is the next one's doing; what was given up before is nobody's."""
    later = PlannedFault(name="l", kind="restart", link="target", on_ns=110 * S, off_ns=111 * S)
    told = calls(
        *OPENED, (60, 1, 8, INITIALIZE, "ok"), (105, 1, 8, CALL, "ok"), (112, 1, 8, CALL, "session_lost")
    )

    first, second = (fate(told, fault, [RESTART, later]) for fault in (RESTART, later))
    assert first == SessionsFound(present=1, survived=1, lost=0, reopened=0, storm=None)
    assert second == SessionsFound(present=1, survived=0, lost=1, reopened=0, storm=None)
    assert fate(told, PlannedFault(name="n", kind="restart", link="target"), []) is None


def test_the_storm_is_when_sessions_are_asked_for_again_faster_than_before():
    """Two a second before; forty, none, and three after: forty at the peak, over three seconds, refused ones too."""
    start = [(90.0, user, user, INITIALIZE, "ok") for user in range(50)]  # nobody has had one before
    before = [(95 + at / 2, at, 100 + at, INITIALIZE, "ok") for at in range(10)]
    wave = [(101.2, user, 200 + user, INITIALIZE, "connect") for user in range(40)]
    rest = [(103.5, user, 300 + user, INITIALIZE, "ok") for user in range(3)]
    more = [(110.0, user, 400 + user, INITIALIZE, "ok") for user in range(50, 90)]  # users who come, too
    trickle = [(120.0, user, 500 + user, INITIALIZE, "ok") for user in range(2)]
    found = fate(calls(*start, *before, *wave, *rest, *more, *trickle), RESTART, [RESTART])

    assert found is not None
    assert found.storm == Storm(asked=43, peak_per_s=40, lasted_s=3.0)
    for quiet in ([*start, *before, *more, *trickle], wave, [(1.0, 1, 1, CALL, "ok")]):
        told = fate(calls(*quiet), RESTART, [RESTART])
        assert told is None or told.storm is None


@pytest.mark.parametrize(
    ("kind", "link", "survived", "lost", "expected"),
    [
        ("restart", "target", 2, 0, True),
        ("rolling_restart", "target", 2, 0, True),
        ("restart", "target", 2, 1, False),
        ("kill", "target", 0, 1, False),
        ("restart", "target", 0, 0, None),
        ("restart", "postgres", 2, 1, None),
        ("latency", "client", 2, 0, None),
    ],
)
def test_only_a_restart_of_the_target_says_whether_sessions_survive_one(kind, link, survived, lost, expected):
    """One that was lost is enough; none that was there says nothing."""
    found = SessionsFound(present=3, survived=survived, lost=lost, reopened=0, storm=None)

    assert survived_restart([(PlannedFault(name="f", kind=kind, link=link), found)]) is expected
    assert survived_restart([(PlannedFault(name="f", kind=kind, link=link), None)]) is None
