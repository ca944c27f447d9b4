"""A deployment that is sound, or wrong in ways that have a name: one door for 2026-07-28 and the versions with a handshake."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

HANDSHAKE = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
MODERN = "2026-07-28"
TOOL = {
    "name": "look",
    "description": "look at one thing",
    "inputSchema": {
        "type": "object",
        "properties": {"at": {"type": "string", "enum": ["this", "that"]}},
        "required": ["at"],
    },
    "annotations": {"readOnlyHint": True},
}
PUT, GET, DROP = (
    {
        "name": name,
        "inputSchema": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
    }
    for name in ("put", "get", "drop")
)
SEEN = {
    "type": "object",
    "properties": {"seen": {"type": "string", "pattern": "^th"}},
    "required": ["seen"],
    "additionalProperties": False,
}
TOKEN = "t0ken-of-the-tests-5531"
BAD_TOOLS = [
    TOOL,
    TOOL,
    {"name": "bare"},
    {"name": "odd", "inputSchema": {"type": "object", "properties": {"a": {"type": "text"}}}},
    {"name": "list", "inputSchema": []},
]


class Deployment:
    """What it keeps, and what is wrong with it."""

    def __init__(self, *wrong: str) -> None:
        self.wrong = set(wrong)
        self.sessions: set[str] = set()
        self.used: set[str] = set()
        self.turn = asyncio.Lock()
        self.calls: list[str] = []
        self.lists = self.introduced = 0
        self.kept: dict[str, str] = {}  # by id, the session that wrote it
        self.ever: list[str] = []
        self.writes: asyncio.Queue[str] = asyncio.Queue()  # as they come
        self.looked_at: Any = None
        self.forever = asyncio.Event()

    async def post(self, request: web.Request) -> web.StreamResponse:
        early = self._before(request)
        if early is not None:
            return early
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            if "large is an error of its own" in self.wrong:
                return web.Response(status=500)
            raise
        try:
            message = json.loads(body)
        except ValueError:
            if "malformed is a proxy's page" in self.wrong:
                return web.Response(status=502, text="<h1>Bad gateway</h1>", content_type="text/html")
            status = 500 if "malformed is an error of its own" in self.wrong else 400
            return error(None, -32700, "Parse error", status)
        if "text is taken" not in self.wrong and request.content_type != "application/json":
            return web.Response(status=415)
        if "leaks" in self.wrong and message.get("method") == "tools/call":
            self.looked_at = message["params"]["arguments"].get("at")
            await asyncio.sleep(0.01)
            message["params"]["arguments"]["at"] = self.looked_at
        version = request.headers.get("MCP-Protocol-Version")
        if version is not None and version not in HANDSHAKE:
            if "starves" in self.wrong and message["method"] == "tools/call":
                async with self.turn:  # first come, first served
                    await asyncio.sleep(0.01)
            return await self._modern(request, message)
        return await self._handshake(request, message)

    def _before(self, request: web.Request) -> web.StreamResponse | None:
        if "redirected" in self.wrong:
            return web.Response(
                status=307, headers={"Location": "http://elsewhere.example/mcp?token=s3cr3t99"}
            )
        if "an error page" in self.wrong:
            return web.Response(text="<h1>Something went wrong</h1>", content_type="text/html")
        if "auth" in self.wrong and not self._is_known(request):
            challenge = {} if "no challenge" in self.wrong else {"WWW-Authenticate": "Bearer"}
            return web.Response(status=401, headers=challenge)
        if "origin" in request.headers and "any origin" not in self.wrong:
            return web.Response(status=403)
        return None

    def _is_known(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization")
        if "open to all" in self.wrong or (given and "any token" in self.wrong):
            return True
        return given == f"Bearer {TOKEN}"

    async def _modern(self, request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        number, method, params = message["id"], message["method"], message.get("params", {})
        if "no modern" in self.wrong:
            return error(None, -32000, "Bad version", 400)
        named = params.get("name")
        if "headers are ignored" not in self.wrong and (
            request.headers.get("Mcp-Method") != method or request.headers.get("Mcp-Name") != named
        ):
            return error(number, -32020, "Header mismatch", 400)
        if method == "server/discover":
            return result(
                number, {"supportedVersions": [MODERN], "capabilities": {}, "resultType": "complete"}
            )
        return await self._answered(number, method, params, 404, "")

    async def _handshake(self, request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        method, params = message["method"], message.get("params", {})
        if method == "initialize":
            return self._opened(message["id"], params)
        session = request.headers.get("Mcp-Session-Id")
        if session is None and "no sessions" not in self.wrong:
            return error(None, -32600, "Missing session ID", 400)
        session = session or ""
        if (
            "no sessions" not in self.wrong
            and session not in self.sessions
            and "any session is good" not in self.wrong
        ):
            status = 500 if "unknown session is an error of its own" in self.wrong else 404
            return error(None, -32600, "Session not found", status)
        if "id" not in message:
            return web.Response(status=202)
        if method == "tools/list" and "slow" in self.wrong:
            await asyncio.sleep(0.25)
        if method == "tools/list" and "idle sessions are cleaned away" in self.wrong and session in self.used:
            self.sessions.discard(session)  # as if the clean-up had come by in between
            return error(None, -32600, "Session not found", 404)
        self.used.add(session)
        if method == "tools/call" and "calls hang" in self.wrong:
            self.calls.append(params["name"])
            await self.forever.wait()
        return await self._answered(message["id"], method, params, 200, session)

    def _is_old(self) -> bool:
        self.introduced += 1
        return "an old build" in self.wrong or (
            "one of two is an old build" in self.wrong and self.introduced % 5 == 0
        )

    def _opened(self, number: int, params: dict[str, Any]) -> web.StreamResponse:
        if "only modern" in self.wrong:
            return error(number, -32022, "Unsupported protocol version", 400)
        if "no handshake" in self.wrong:
            return web.Response(status=503)
        session = "the-only-one" if "one session for all" in self.wrong else uuid.uuid4().hex
        if "no sessions" not in self.wrong:
            self.sessions.add(session)
        offered = params["protocolVersion"]
        agreed = offered if offered in HANDSHAKE else HANDSHAKE[0]
        told = {
            "protocolVersion": agreed,
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "fake", "version": "6" if self._is_old() else "7"},
        }
        return result(number, told, {} if "no sessions" in self.wrong else {"Mcp-Session-Id": session})

    async def _answered(
        self, number: int, method: str, params: dict[str, Any], unknown_status: int, session: str
    ) -> web.StreamResponse:
        if method == "tools/list":
            if "no list" in self.wrong:
                return web.Response(status=500)
            return self._listed(number, params.get("cursor"))
        if method == "tools/call":
            return await self._called(number, params, session)
        if "unknown method is an error of its own" in self.wrong:
            return web.Response(status=500)
        return error(number, -32601, "Method not found", unknown_status)

    def _listed(self, number: int, cursor: str | None) -> web.StreamResponse:
        tools = BAD_TOOLS if "bad schemas" in self.wrong else self.tools()
        self.lists += 1
        if "one of two has other tools" in self.wrong and self.lists % 2:
            tools = tools[:-1]
        if "pages" not in self.wrong:
            return result(number, {"tools": tools})
        if cursor is None:
            return result(number, {"tools": tools[:2], "nextCursor": "2"})
        if "a page is lost" in self.wrong:
            return error(number, -32602, "Invalid cursor", 200)
        return result(number, {"tools": [] if "a page is empty" in self.wrong else tools[2:]})

    def tools(self) -> list[dict[str, Any]]:
        look = TOOL
        if "a tool renamed" in self.wrong:
            look = TOOL | {"name": "see"}
        if "a schema changed" in self.wrong:
            changed = {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]}
            look = TOOL | {"inputSchema": changed}
        if {"structured", "structured is wrong", "structured is missing"} & self.wrong:
            look = look | {"outputSchema": SEEN}
        return [look, PUT, GET, DROP]

    async def _called(self, number: int, params: dict[str, Any], session: str) -> web.StreamResponse:
        self.calls.append(params["name"])
        if params["name"] in {"put", "get", "drop"} and "calls are errors of their own" not in self.wrong:
            return await self._stored(number, params["name"], params["arguments"]["id"], session)
        if "calls are errors of their own" in self.wrong:
            return web.Response(status=502)
        known = "see" if "a tool renamed" in self.wrong else "look"
        if params["name"] != known and "any tool is good" not in self.wrong:
            return said(number, "no such tool", failed=True)
        fits = params["name"] != known or isinstance(params["arguments"].get("at"), str)
        if not fits and "types are ignored" not in self.wrong:
            return said(number, "at must be text", failed=True)
        if "tools fail" in self.wrong:
            return said(number, "database is away", failed=True)
        if "structured" in self.wrong or "structured is wrong" in self.wrong:
            seen = {"seen": 5 if "structured is wrong" in self.wrong else params["arguments"].get("at")}
            return result(number, {"content": [], "structuredContent": seen})
        return said(number, f"seen {params['arguments'].get('at')}")

    async def _stored(self, number: int, tool: str, name: str, session: str) -> web.StreamResponse:
        if tool == "put":
            self.ever.append(name)
            self.writes.put_nowait(name)
            if "writes overwrite each other" in self.wrong:
                read = dict(self.kept)  # read, change, write back, without a lock
                await asyncio.sleep(0.01)
                self.kept = read
            if "writes are lost" not in self.wrong:
                self.kept[name] = session
        elif name not in self.kept or (
            tool == "get" and "writes are their session's" in self.wrong and self.kept[name] != session
        ):
            return said(number, "there is none", failed=True)
        elif tool == "drop" and "nothing is removed" in self.wrong:
            return web.Response(status=500)
        elif tool == "drop":
            del self.kept[name]
        return said(number, f"{tool} {name}")

    async def metadata(self, _: web.Request) -> web.StreamResponse:
        if "auth" not in self.wrong:
            return web.Response(status=404)
        return web.json_response({"resource": "http://x/mcp", "authorization_servers": ["http://as.example"]})

    async def delete(self, request: web.Request) -> web.StreamResponse:
        session = request.headers.get("Mcp-Session-Id", "")
        if (
            "auth" in self.wrong
            and "only posts are checked" not in self.wrong
            and not self._is_known(request)
        ):
            return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})
        if "no delete" in self.wrong:
            return web.Response(status=405)
        if session not in self.sessions:
            return web.Response(status=404)
        if "deleted lives on" not in self.wrong:
            self.sessions.discard(session)
        if "one ends all" in self.wrong:
            self.sessions.clear()
        return web.Response(status=200)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Beside the calls."""
        if (
            "auth" in self.wrong
            and "only posts are checked" not in self.wrong
            and not self._is_known(request)
        ):
            return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})
        if "the stream is a page" in self.wrong:
            return web.Response(text="<h1>It works</h1>", content_type="text/html")
        if "the stream breaks" in self.wrong:
            return web.Response(status=500)
        if "streams" not in self.wrong:
            return web.Response(status=405)
        opened = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await opened.prepare(request)
        await self.forever.wait()
        return opened

    async def health(self, _: web.Request) -> web.StreamResponse:
        if "health is a page" in self.wrong:
            return web.Response(text="<h1>Welcome</h1>", content_type="text/html")
        return web.Response(status=503 if "ill" in self.wrong else 200, text="ok")


def result(number: Any, value: Any, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"jsonrpc": "2.0", "id": number, "result": value}, headers=headers)


def error(number: Any, code: int, message: str, status: int) -> web.Response:
    told = {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}
    return web.json_response(told, status=status)


def said(number: Any, text: str, *, failed: bool = False) -> web.Response:
    return result(number, {"content": [{"type": "text", "text": text}], "isError": failed})


@asynccontextmanager
async def deployed(*wrong: str, path: str = "/mcp") -> AsyncIterator[tuple[str, Deployment]]:
    """Its URL, and itself, while it runs on this loop: verify it from another thread."""
    fake = Deployment(*wrong)
    app = web.Application(client_max_size=4_000_000)
    app.router.add_post(path, fake.post)
    app.router.add_delete(path, fake.delete)
    app.router.add_get(path, fake.stream, allow_head=False)
    app.router.add_get("/health", fake.health)
    app.router.add_get("/.well-known/oauth-protected-resource", fake.metadata)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}{path}", fake
    finally:
        fake.forever.set()
        await runner.cleanup()
