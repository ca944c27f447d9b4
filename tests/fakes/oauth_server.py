"""An MCP server that asks for tokens, and the authorization server that gives them: real HTTP, in a thread of its own.

Tests ask it what it has seen. Tokens live as long as a test says;
one that has ended, or was revoked, is answered with 401 and a challenge, and counted.
"""

import asyncio
import base64
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web

CLIENT, SECRET, REFRESH = "load-test", "S3cr3t/+of-the-client", "R3fr3sh.the-first-one"


@dataclass
class OAuthServer:
    """What it does, and what it has seen."""

    lives_s: float = 5.0
    says_lives: bool = True
    resource: str = ""  # another one than its own
    issuer: str = ""
    methods: tuple[str, ...] = ("client_secret_basic", "client_secret_post")
    rotates: bool = False
    fails: int = 0  # the next so many requests for a token come to a 503
    has_metadata: bool = True
    token_value: str = ""  # another one than a new one each time
    answer: bytes = b""  # to a GET of the token endpoint, whatever it is
    encoding: str = ""  # of that
    secret: str = ""  # of its client; SECRET without
    known: list[str] = field(default_factory=list)  # tokens that are good, and were given by others
    echoes: bool = False  # every call is an error that repeats its credential
    takes_s: float = 0.02  # each call: users who do not pause leave the processors to other tests
    refreshed: list[str] = field(default_factory=list)
    url: str = ""
    calls: int = 0
    unauthorized: list[str] = field(default_factory=list)
    granted: list[str] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    refresh: str = REFRESH
    revoked: set[str] = field(default_factory=set)
    _ends_s: dict[str, float] = field(default_factory=dict)

    @property
    def mcp_url(self) -> str:
        return f"{self.url}/mcp"

    def revoke(self) -> None:
        """Take back every token that was given."""
        self.revoked |= {*self.granted}

    async def token(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.asked.append(form)
        if self.fails:
            self.fails -= 1
            return web.Response(status=503)
        if self._who(request, form) != (CLIENT, self.secret or SECRET):
            return web.json_response(
                {"error": "invalid_client", "error_description": "nobody knows it"}, status=401
            )
        answer: dict[str, Any] = {"token_type": "Bearer"}
        if form["grant_type"] == "refresh_token":
            if form.get("refresh_token") != self.refresh:
                return web.json_response({"error": "invalid_grant"}, status=400)
            if self.rotates:
                self.refreshed.append(self.refresh)
                answer["refresh_token"] = self.refresh = f"R3fr3sh.{secrets.token_urlsafe(12)}"
        value = self.token_value or f"T0ken.{secrets.token_urlsafe(18)}"
        self.granted.append(value)
        self._ends_s[value] = time.monotonic() + self.lives_s
        if self.says_lives:
            answer["expires_in"] = self.lives_s if self.lives_s != int(self.lives_s) else int(self.lives_s)
        return web.json_response(answer | {"access_token": value})

    def _who(self, request: web.Request, form: dict[str, str]) -> tuple[str, str]:
        scheme, _, login = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic" and "client_secret_basic" in self.methods:
            name, _, secret = base64.b64decode(login).decode().partition(":")
            return unquote(name), unquote(secret)
        if "client_secret_post" in self.methods:
            return form.get("client_id", ""), form.get("client_secret", "")
        return "", ""

    def _is_good(self, header: str) -> bool:
        value = header.removeprefix("Bearer ")
        return value in self.known or (
            value not in self.revoked and self._ends_s.get(value, 0.0) > time.monotonic()
        )

    async def mcp(self, request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "")
        if not self._is_good(given):
            self.unauthorized.append(given)
            metadata = f"{self.url}/.well-known/oauth-protected-resource/mcp"
            more = f' resource_metadata="{metadata}"' if self.has_metadata else ""
            return web.Response(status=401, headers={"WWW-Authenticate": f"Bearer{more}"})
        if request.method != "POST":
            return web.Response(status=405)
        asked = await request.json()
        if "id" not in asked:
            return web.Response(status=202)
        if asked["method"] == "tools/call":
            self.calls += 1
            await asyncio.sleep(self.takes_s)
        result = {
            "initialize": {"protocolVersion": "2025-11-25", "serverInfo": {"name": "guarded", "version": "1"}, "capabilities": {"tools": {}}},
            "tools/list": {"tools": [{"name": "echo", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}]},
            "tools/call": {"content": [{"type": "text", "text": given if self.echoes else "hi"}], "isError": self.echoes},
        }.get(asked["method"])  # fmt: skip
        if result is None:
            error = {"code": -32601, "message": "no such method"}
            return web.json_response({"jsonrpc": "2.0", "id": asked["id"], "error": error})
        return web.json_response({"jsonrpc": "2.0", "id": asked["id"], "result": result})

    async def anything(self, _: web.Request) -> web.Response:
        return web.Response(body=self.answer, headers={"Content-Encoding": self.encoding})

    async def of_resource(self, _: web.Request) -> web.Response:
        if not self.has_metadata:
            return web.Response(status=404)
        return web.json_response(
            {"resource": self.resource or self.mcp_url, "authorization_servers": [self.issuer or self.url]}
        )

    async def of_server(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.url,
                "token_endpoint": f"{self.url}/token",
                "token_endpoint_auth_methods_supported": list(self.methods),
            }
        )


@contextmanager
def oauth_server(**how: Any) -> Iterator[OAuthServer]:
    """The server, while the block lasts."""
    server, ready, loop = OAuthServer(**how), threading.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        app = web.Application()
        app.router.add_route("*", "/mcp", server.mcp)
        app.router.add_post("/token", server.token)
        app.router.add_get("/token", server.anything)
        app.router.add_get("/.well-known/oauth-protected-resource/mcp", server.of_resource)
        app.router.add_get("/.well-known/oauth-authorization-server", server.of_server)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        try:
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    task = loop.create_task(serve())

    def work() -> None:
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert ready.wait(60)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(60)
