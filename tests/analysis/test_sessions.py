"""Sessions: opened, lost, opened again."""

from harness.analysis.calls import Calls
from harness.analysis.sessions import measure
from tests.fakes.runs import rows


def test_sessions_are_counted_by_the_calls_that_open_and_lose_them():
    """User 1 of worker 0 opens twice; user 1 of worker 1 is somebody else; a failed opening opened nothing."""
    frame = rows(
        6,
        operation=["initialize", "initialize", "initialize", "websocket/open", "tools/call:a", "initialize"],
        outcome=["ok", "ok", "ok", "ok", "session_lost", "timeout"],
        user=[1, 1, 1, 2, 1, 3],
        worker=[0, 0, 1, 0, 0, 0],
    )

    assert measure(Calls.of(frame)) == {"opened": 4, "lost": 1, "reopened": 1, "survived_restart": None}


def test_a_run_without_sessions_has_none():
    """Plain HTTP, or nothing at all."""
    for frame in (rows(3), rows(0)):
        assert measure(Calls.of(frame)) == {"opened": 0, "lost": 0, "reopened": 0, "survived_restart": None}
