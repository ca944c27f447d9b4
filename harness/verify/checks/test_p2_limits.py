"""Is it quick enough for one client? After a warm-up, the best of three: a machine that is busy for a moment has not failed."""

from collections.abc import Callable

import pytest

from harness.mcp import outcome
from harness.verify.doors import said
from harness.verify.finding import fail, skip
from harness.verify.target import Target

pytestmark = pytest.mark.limits
CREATE_MS, LOOK_UP_MS = 500.0, 200.0


def test_a_session_is_opened_within_half_a_second(target: Target) -> None:
    """And ended."""
    door = _door(target)

    def once() -> None:
        with target.client(door):
            pass

    _within(target, once, CREATE_MS, "opening and ending a session")


def test_a_request_in_a_session_is_answered_within_a_fifth_of_a_second(target: Target) -> None:
    """The list of tools, which costs a server little more than to know the session."""
    with target.client(_door(target)) as client:

        def once() -> None:
            reply = client.request("tools/list", {})
            if reply.outcome not in {outcome.OK, outcome.RPC_ERROR}:
                fail(f"tools/list came to {said(reply)}")

        _within(target, once, LOOK_UP_MS, "tools/list in an open session")


def _within(target: Target, once: Callable[[], object], most_ms: float, what: str) -> None:
    once()
    best = target.best_ms(once, most_ms)
    if best > most_ms:
        fail(f"{what} took {best:.0f} ms at best, of {target.tries} tries; {most_ms:.0f} ms are the most")


def _door(target: Target) -> str:
    found = target.with_sessions() or target.newest()
    if found is None:
        skip("no door is offered", "see the check that it speaks MCP")
    return found.name
