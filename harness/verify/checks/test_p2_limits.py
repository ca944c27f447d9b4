"""Is it quick enough for one client? After a warm-up, the best of three: a machine that is busy for a moment has not failed."""

from collections.abc import Callable

import pytest

from harness.foundation.units import MS_PER_S
from harness.mcp import outcome
from harness.verify.doors import said
from harness.verify.finding import fail, skip
from harness.verify.target import Target
from harness.verify.writing import Writing

pytestmark = pytest.mark.limits


@pytest.mark.http
def test_a_session_is_opened_in_time(target: Target) -> None:
    """And ended; half a second, unless verify.yaml says otherwise (limits)."""
    door = _door(target)

    def once() -> None:
        with target.client(door):
            pass

    _within(target, once, target.spec.limits.create, "opening and ending a session")


def test_a_request_in_a_session_is_answered_in_time(target: Target) -> None:
    """The list of tools, which costs a server little more than to know the session; a fifth of a second."""
    with target.client(_door(target)) as client:

        def once() -> None:
            reply = client.request("tools/list", {})
            if reply.outcome not in {outcome.OK, outcome.RPC_ERROR}:
                fail(f"tools/list ended with {said(reply)}")

        _within(target, once, target.spec.limits.look_up, "tools/list in an open session")


def test_a_write_is_answered_in_time(target: Target, writing: Writing) -> None:
    """The one that verify.yaml declares; each with a name of its own."""
    with target.client(_door(target)) as client:
        _within(target, lambda: writing.write(client), target.spec.limits.update, f"a call of {writing.tool}")


def _within(target: Target, once: Callable[[], object], most_s: float, what: str) -> None:
    most_ms = most_s * MS_PER_S
    once()
    best = target.best_ms(once, most_ms)
    if best > most_ms:
        fail(f"{what} took {best:.0f} ms at best in {target.tries} tries; the limit is {most_ms:.0f} ms")


def _door(target: Target) -> str:
    name = target.with_sessions() or target.newest()
    if name is None:
        skip("it has no door that works", "see the check that it speaks MCP")
    return name.name
