"""The authorization server of the official Python SDK, before an MCP server of it: found by its metadata, asked for tokens.

It gives tokens for refresh tokens and for codes of persons; client credentials it does not know, and that is said.
"""

import asyncio
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.provider import AccessToken, RefreshToken
from mcp.server.auth.settings import AuthSettings
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

from harness.cli import main

CLIENT, SECRET, REFRESH = "load-test", "S3cr3t-of-the-client", "R3fr3sh-of-a-person"
BOTH = f"oauth:client_id={CLIENT},client_secret=${{SECRET}},refresh_token=${{REFRESH}}"


@dataclass
class Provider:
    """What the SDK leaves to who uses it: clients and tokens, in memory; each refresh token is good for one time."""

    method: str
    access: dict[str, AccessToken] = field(default_factory=dict)
    refresh: dict[str, RefreshToken] = field(
        default_factory=lambda: {REFRESH: RefreshToken(token=REFRESH, client_id=CLIENT, scopes=["user"])}
    )

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        if client_id != CLIENT:
            return None
        return OAuthClientInformationFull.model_validate(
            {
                "client_id": CLIENT,
                "client_secret": SECRET,
                "token_endpoint_auth_method": self.method,
                "redirect_uris": ["http://127.0.0.1/back"],
                "grant_types": ["authorization_code", "refresh_token"],
            }
        )

    async def load_refresh_token(self, _: Any, refresh_token: str) -> RefreshToken | None:
        return self.refresh.get(refresh_token)

    async def exchange_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: RefreshToken, scopes: list[str]
    ) -> OAuthToken:
        del self.refresh[refresh_token.token]
        token, following = secrets.token_urlsafe(), secrets.token_urlsafe()
        name, until = str(client.client_id), int(time.time()) + 60
        self.access[token] = AccessToken(token=token, client_id=name, scopes=scopes, expires_at=until)
        self.refresh[following] = RefreshToken(token=following, client_id=name, scopes=scopes)
        return OAuthToken(access_token=token, expires_in=60, refresh_token=following, scope=" ".join(scopes))

    async def load_access_token(self, token: str) -> AccessToken | None:
        return self.access.get(token)


@asynccontextmanager
async def guarded(provider: Any) -> AsyncIterator[str]:
    """The URL of the server, while it runs."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as sock:
        sock.bind(("127.0.0.1", 0))
        here = f"http://127.0.0.1:{sock.getsockname()[1]}"
        settings = AuthSettings.model_validate(
            {
                "issuer_url": here,
                "resource_server_url": f"{here}/mcp",
                "required_scopes": ["user"],
                "validate_token_resource": False,
            }
        )
        sdk = MCPServer("guarded", version="1.0", auth_server_provider=provider, auth=settings)

        @sdk.tool()
        def echo(message: str = "") -> str:
            return message

        server = uvicorn.Server(uvicorn.Config(sdk.streamable_http_app(), log_level="warning", lifespan="on"))
        serving = asyncio.ensure_future(server.serve(sockets=[sock]))
        async with asyncio.timeout(60):
            while not server.started:
                await asyncio.sleep(0.01)
        try:
            yield f"{here}/mcp"
        finally:
            server.should_exit = True
            await serving


async def ran(*argv: str) -> int:
    return await asyncio.to_thread(main.run, list(argv))


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", SECRET)
    monkeypatch.setenv("REFRESH", REFRESH)


@pytest.mark.parametrize(
    ("method", "how"),
    [
        ("client_secret_post", ""),
        ("client_secret_basic", ""),
        ("client_secret_post", ",send_secret=post"),
        ("client_secret_basic", ",send_secret=basic"),
    ],
)
async def test_a_refresh_token_of_the_sdk_opens_its_server(
    method: str, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Found from the server's 401 by both metadata documents; the client says who it is in the way that it was registered for."""
    provider = Provider(method)
    async with guarded(provider) as url:
        code = await ran("discover", url, "--auth", BOTH + how)
    shown = capsys.readouterr()

    assert code == 0, shown.err
    assert "guarded 1.0" in shown.out
    assert REFRESH not in provider.refresh
    assert len(provider.access) == 1


async def test_that_it_knows_no_client_credentials_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """In the words of the server, with exit code 2."""
    async with guarded(Provider("client_secret_post")) as url:
        code = await ran("discover", url, "--auth", f"oauth:client_id={CLIENT},client_secret=${{SECRET}}")
    err = capsys.readouterr().err

    assert code == 2
    assert f"gives {CLIENT} no token" in err
    assert "client_credentials" in err or "grant_type" in err
    assert SECRET not in err
