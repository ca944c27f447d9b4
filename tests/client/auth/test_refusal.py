"""What a user reads when a server answers 401 or 403: what it wants, where its metadata is, which flag to give."""

from collections.abc import Iterator

import pytest

from harness.client.auth.refusal import UnauthorizedError
from harness.client.preflight import preflight
from harness.foundation.errors import USAGE
from tests.fakes.wire import BY_PATH, Case, Wire, WireServer, wire_server

METADATA = "http://127.0.0.1:9/.well-known/oauth-protected-resource/mcp"
OAUTH = f'Bearer resource_metadata="{METADATA}", scope="mcp:read"'


@pytest.fixture(scope="module")
def server() -> Iterator[WireServer]:
    with wire_server() as running:
        yield running


def refuses(path: str, status: str, *headers: str) -> None:
    def act(wire: Wire) -> None:
        wire.whole("no", status, "text/plain", *headers)

    BY_PATH[path] = Case(path, "", act)


@pytest.mark.parametrize(
    ("challenge", "sent", "said", "todo"),
    [
        (OAUTH, False, ["asks for authorization", "401", "Bearer", METADATA, "scope mcp:read"], "--auth 'oauth:client_id="),
        ("Bearer", False, ["asks for authorization", "it wants Bearer"], "--auth 'bearer:${TOKEN}'"),
        ('Basic realm="x"', False, ["it wants Basic"], "Authorization: Basic ${BASIC}"),
        ("Negotiate, NTLM", False, ["it wants Negotiate, NTLM"], "-H 'Authorization: Bearer ${TOKEN}'"),
        (None, False, ["does not say what it wants"], "-H 'Authorization: Bearer ${TOKEN}'"),
        ('Bearer error="invalid_token", error_description="it has expired"', True,
         ["does not accept the credentials", "it says invalid_token: it has expired"], "not expired"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("protocol", ["auto", "2025-11-25"])
async def test_a_401_says_what_the_server_asks_for(
    server: WireServer, protocol: str, challenge: str | None, said: list[str], todo: str, *, sent: bool
) -> None:
    """The scheme, the metadata and the flag; exit code 2."""
    refuses("/wants", "401 Unauthorized", *([f"WWW-Authenticate: {challenge}"] if challenge else []))
    headers = {"Authorization": "Bearer abc-123-old"} if sent else {}

    with pytest.raises(UnauthorizedError) as raised:
        await preflight(server.url + "/wants", protocol, headers=headers)

    text = f"{raised.value.what}\n{raised.value.why}"
    assert [word for word in said if word not in text] == []
    assert todo in raised.value.todo
    assert raised.value.exit_code == USAGE
    assert "abc-123-old" not in str(raised.value)


async def test_a_403_says_that_this_client_is_not_let_in(server: WireServer) -> None:
    """No other credentials are asked for."""
    refuses("/forbids", "403 No", 'WWW-Authenticate: Bearer error="insufficient_scope", scope="mcp:admin"')

    with pytest.raises(UnauthorizedError, match="does not let this client in") as raised:
        await preflight(server.url + "/forbids", "auto")

    assert "insufficient_scope" in raised.value.why
    assert "scope mcp:admin" in raised.value.why


async def test_what_the_server_says_is_made_harmless(server: WireServer) -> None:
    """It goes to a terminal."""
    refuses("/shouts", "401 No", 'WWW-Authenticate: Bearer error="\x1b[2J\x9b"')

    with pytest.raises(UnauthorizedError) as raised:
        await preflight(server.url + "/shouts", "auto")

    assert "\x1b" not in str(raised.value)
    assert "\x9b" not in str(raised.value)
