"""Do sessions end when they should, and only then? By the newest version of the protocol that names its sessions."""

from collections.abc import Generator

import msgspec
import pytest

from harness.mcp import outcome
from harness.mcp.dialects.handshake import HandshakeSession
from harness.mcp.messages import Reply, Request
from harness.verify.doors import said
from harness.verify.finding import fail, skip
from harness.verify.target import Target

pytestmark = [pytest.mark.sessions, pytest.mark.http]
NEVER_GIVEN = "harness-verify-never-given"
NO_DELETE = {405, 501}


def test_an_unknown_session_is_refused(target: Target) -> None:
    """With 404, after which a client opens another; some say 400, and name the session."""
    session = _session(target)
    reply = target.drive(_listing_as(session, NEVER_GIVEN))[-1]
    if reply.outcome != outcome.SESSION_LOST:
        fail(f"a request with an unknown session ID ended with {said(reply)}; 404 would be right")


def test_a_client_can_end_its_session(target: Target) -> None:
    """By DELETE; its session is unknown from then on, and stays so, to whoever asks on whatever connection."""
    session = _session(target)
    opened, ended, *after = target.drive(_ended_and_asked(session))
    if opened.outcome != outcome.OK:
        fail(f"initialize ended with {said(opened)}")
    if ended.status in NO_DELETE and target.spec.sessions.delete:
        fail(f"verify.yaml expects that clients can end sessions: DELETE ended with HTTP {ended.status}")
    if ended.status in NO_DELETE:
        skip(
            f"clients cannot end sessions here (HTTP {ended.status})",
            "serve DELETE, if sessions cost anything",
        )
    if ended.outcome != outcome.OK or ended.status == 404:
        fail(f"DELETE ended with {said(ended)}")
    alive = [reply for reply in after if reply.outcome != outcome.SESSION_LOST]
    if alive:
        fail(f"a request in a deleted session ended with {said(alive[0])}; 404 would be right")


def test_the_end_of_one_session_is_the_end_of_no_other(target: Target) -> None:
    """Two are open, one is ended."""
    ours, other = _session(target), _session(target)

    def both() -> Generator[Request, Reply, list[Reply]]:
        opened = [(yield from ours.opening()), (yield from other.opening())]
        same = ours.session_id == other.session_id
        yield from ours.closing()
        listed = yield other.request("tools/list", {})
        yield from other.closing()
        first = [reply for reply in opened if reply is not None]
        return [*first, listed, msgspec.structs.replace(listed, detail="same") if same else listed]

    *opened, listed, shared = target.drive(both())
    if wrong := [reply for reply in opened if reply.outcome != outcome.OK]:
        fail(f"opening two sessions ended with {said(wrong[0])}")
    if shared.detail == "same" and listed is not shared:
        fail("two clients were given the same session")
    if listed.outcome == outcome.SESSION_LOST:
        fail("the session of one client ended with that of another")
    if listed.outcome not in {outcome.OK, outcome.RPC_ERROR}:
        fail(f"tools/list in one session, after another session had ended, ended with {said(listed)}")


def _session(target: Target) -> HandshakeSession:
    door = target.with_sessions()
    if door is None and target.spec.sessions.required:
        fail("verify.yaml expects sessions, but it gives out no session IDs")
    if door is None:
        skip("it gives out no session IDs", "this server has no sessions to lose")
    return HandshakeSession(door.name)


def _listing_as(session: HandshakeSession, session_id: str) -> Generator[Request, Reply, list[Reply]]:
    yield from session.opening()
    request = session.request("tools/list", {})
    headers = tuple(
        (name, session_id if name == "Mcp-Session-Id" else value) for name, value in request.headers
    )
    reply = yield msgspec.structs.replace(request, headers=headers)
    yield from session.closing()
    return [reply]


def _ended_and_asked(session: HandshakeSession) -> Generator[Request, Reply, list[Reply]]:
    opened = yield from session.opening()
    asked = [session.request("tools/list", {}) for _ in range(3)]
    ended = yield from session.closing()
    first, second, third = asked
    after = [(yield first), (yield second), (yield third)]
    return [reply for reply in (opened, ended) if reply is not None] + after
