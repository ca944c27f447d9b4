"""Are only expired sessions cleaned away? One that is merely idle lives on for as long as verify.yaml says."""

import time

import pytest

from harness.foundation.units import show_duration
from harness.mcp import outcome
from harness.mcp.dialects.handshake import HandshakeSession
from harness.verify.doors import said
from harness.verify.finding import fail, skip
from harness.verify.target import Target

pytestmark = [pytest.mark.sessions, pytest.mark.http]


def test_a_session_that_is_idle_is_not_cleaned_away(target: Target) -> None:
    """Whoever thinks for a while comes back to it."""
    idle_s, door = target.spec.sessions.idle, target.with_sessions()
    if idle_s is None:
        skip(
            "verify.yaml does not say how long an idle session lives",
            "verify.yaml: sessions {idle: 30s}; the check takes as long",
        )
    if door is None:
        skip("it gives out no session IDs", "this server has no sessions to lose")
    session = HandshakeSession(door.name)
    target.drive(session.opening())
    before = target.exchange(session.request("tools/list", {}))
    if before.outcome != outcome.OK:
        fail(f"tools/list in a new session ended with {said(before)}")
    time.sleep(idle_s)
    after = target.exchange(session.request("tools/list", {}))
    target.drive(session.closing())
    if after.outcome == outcome.SESSION_LOST:
        fail(f"a session was gone after {show_duration(idle_s)} of idling, as if it had expired")
    if after.outcome != outcome.OK:
        fail(f"a request in a session idle for {show_duration(idle_s)} ended with {said(after)}")
