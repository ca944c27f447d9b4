"""Is who has no right refused? Asserted by real requests: that a flag is set is no proof."""

import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest

from harness.client.http import Head
from harness.client.socket import socket_client
from harness.mcp import outcome
from harness.mcp.dialects.handshake import HandshakeSession
from harness.mcp.messages import Reply, Request
from harness.verify.finding import fail, skip
from harness.verify.target import Target

pytestmark = [pytest.mark.auth, pytest.mark.http]
REFUSED = {401, 403}
NOT_SERVED = {404, 405, 501}  # there is no stream, or nobody can end a session
HOW = "verify.yaml: auth {required: true}, and --auth; or auth {required: true, good: {Authorization: 'Bearer ${TOKEN}'}}"
WELL_KNOWN = "/.well-known/oauth-protected-resource"


def test_who_brings_no_credentials_is_refused(target: Target) -> None:
    """With 401, and the header that says what is missing."""
    _required(target)
    head = _posted(target, _without(target))
    if head is None:
        fail("a request without credentials got no answer")
    if head.status not in REFUSED:
        fail(f"a request without credentials ended with HTTP {head.status}; 401 would be right")
    if head.status == 401 and "www-authenticate" not in head.headers:
        fail("its 401 has no WWW-Authenticate, by which clients learn what is missing")


def test_who_brings_bad_credentials_is_refused(target: Target) -> None:
    """Those of verify.yaml, or some that nobody was ever given."""
    _required(target)
    head = _posted(target, _bad(target))
    if head is None:
        fail("a request with bad credentials got no answer")
    if head.status not in REFUSED:
        fail(f"a request with bad credentials ended with HTTP {head.status}; 401 would be right")


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_who_knows_a_session_but_brings_no_credentials_is_refused(target: Target, method: str) -> None:
    """The name of a session is no credential: not for its calls, its stream, nor its end."""
    _required(target)
    door = target.with_sessions()
    if door is None:
        skip("it gives out no session IDs", "a server without sessions has none that could be taken over")
    session = HandshakeSession(door.name)
    target.drive(session.opening())
    asked = session.request("tools/list", {})
    if method != "POST":
        asked = Request(f"session/{method.lower()}", b"", _of_a_stream(asked), None, method)
    head = target.head(asked, target.places.mcp, _without(target))
    alive = target.exchange(session.request("tools/list", {}))
    target.drive(session.closing())
    if alive.outcome == outcome.SESSION_LOST and method == "DELETE":
        fail("whoever knows the name of a session ends it without credentials")
    if head is None:
        fail(f"{method} in an open session without credentials got no answer")
    if head.status not in REFUSED | (set() if method == "POST" else NOT_SERVED):
        fail(
            f"{method} in an open session without credentials ended with HTTP {head.status}: whoever knows its name is let in"
        )


def _of_a_stream(request: Request) -> tuple[tuple[str, str], ...]:
    kept = [line for line in request.headers if line[0] not in {"Content-Type", "Accept"}]
    return (*kept, ("Accept", "text/event-stream"))


def test_nobody_opens_a_websocket_without_credentials(target: Target) -> None:
    """Neither with bad ones."""
    _required(target)
    if not target.door("websocket").offered:
        skip("there is no WebSocket", "serve one, if clients need it")
    for headers, how in ((_without(target), "without"), (_bad(target), "with bad")):
        if _opens(target, headers):
            fail(f"a WebSocket opens {how} credentials")


def test_clients_can_find_out_who_gives_credentials(target: Target) -> None:
    """Protected-resource metadata (RFC 9728), where it is offered."""
    expected = target.spec.auth is not None and target.spec.auth.discovery
    path = urlsplit(target.places.mcp).path
    places = (f"{WELL_KNOWN}{path}", WELL_KNOWN)
    documents = [_metadata(target, place) for place in places]
    good = [each for each in documents if each]
    if not good and expected:
        fail(f"verify.yaml expects it, and neither {places[0]} nor {places[1]} names an authorization server")
    if not good:
        skip(
            "there is no metadata of a protected resource",
            "serve it, if clients are to find their authorization server",
        )


def _required(target: Target) -> None:
    auth = target.spec.auth
    if auth is None:
        skip("verify.yaml does not say whether credentials are needed", HOW)
    if not auth.required:
        skip("verify.yaml says that no credentials are needed", HOW)
    if target.first_request() is None:
        skip("no door is offered to who has credentials", HOW)


def _without(target: Target) -> dict[str, str]:
    """What is sent with every request, but for the credentials."""
    good = {name.lower() for name in (target.spec.auth.good if target.spec.auth else {})} | {"authorization"}
    return {name: text for name, text in target.headers.items() if name.lower() not in good}


def _bad(target: Target) -> dict[str, str]:
    auth = target.spec.auth
    if auth is not None and auth.bad:
        return _without(target) | auth.bad
    names = auth.good if auth is not None and auth.good else {"Authorization": "Bearer"}
    made = {}
    for name, text in names.items():
        scheme, space, _ = text.partition(" ")
        wrong = f"harness-verify-{secrets.token_hex(12)}"
        made[name] = f"{scheme} {wrong}" if space or name.lower() == "authorization" else wrong
    return _without(target) | made


def _posted(target: Target, headers: Mapping[str, str]) -> Head | None:
    first = target.first_request()
    assert first is not None
    return target.head(first, target.places.mcp, headers)


def _opens(target: Target, headers: dict[str, str]) -> bool:
    async def tried() -> bool:
        async with socket_client(target.places.websocket, target.settings.timeout_s, headers) as socket:
            return not isinstance(socket, Reply)

    return target.run(tried())


def _metadata(target: Target, path: str) -> bool:
    """Whether it is there, and names who gives credentials."""
    asked = Request(
        "metadata", b"", (("Accept", "application/json"),), None, "GET", b'"authorization_servers"'
    )
    return target.exchange(asked, f"{target.places.base}{path}", headers={}).outcome == "ok"
