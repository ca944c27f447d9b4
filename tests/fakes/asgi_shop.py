"""An MCP application as a user may have written it: plain ASGI, sessions and entries in SQLite, or (wrongly) in the memory of the application."""

import json
import sqlite3
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

HANDSHAKE = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
TOOLS = [
    {
        "name": name,
        "inputSchema": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
    }
    for name in ("put", "get", "drop")
]


class Shop:
    """One build of it; another on the same database knows what this one kept there."""

    def __init__(self, database: Path, *, in_memory: bool = False) -> None:
        self._db = sqlite3.connect(
            ":memory:" if in_memory else database, check_same_thread=False, isolation_level=None
        )
        for table in ("sessions", "entries"):
            self._db.execute(f"create table if not exists {table} (id text primary key)")

    def _has(self, table: str, key: str) -> bool:
        return self._db.execute(f"select 1 from {table} where id = ?", [key]).fetchone() is not None

    async def __call__(
        self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close"})
            return
        body = b""
        while True:
            piece = await receive()
            body += piece.get("body", b"")
            if not piece.get("more_body"):
                break
        headers = {name.decode().lower(): text.decode() for name, text in scope["headers"]}
        status, message, extra = self._answer(scope["method"], scope["path"], headers, body)
        told = json.dumps(message).encode() if message is not None else b""
        named = [
            (b"content-type", b"application/json"),
            *((k.encode(), v.encode()) for k, v in extra.items()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": named})
        await send({"type": "http.response.body", "body": told})

    def _answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, Any, dict[str, str]]:
        if path != "/mcp" or method not in {"POST", "DELETE"}:
            return 404, None, {}
        session = headers.get("mcp-session-id", "")
        if method == "DELETE":
            self._db.execute("delete from sessions where id = ?", [session])
            return 200, None, {}
        message = json.loads(body)
        number, params = message.get("id"), message.get("params", {})
        if message["method"] == "initialize":
            session = uuid.uuid4().hex
            self._db.execute("insert into sessions values (?)", [session])
            version = params["protocolVersion"] if params["protocolVersion"] in HANDSHAKE else HANDSHAKE[0]
            told = {
                "protocolVersion": version,
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "shop", "version": "1"},
            }
            return 200, {"jsonrpc": "2.0", "id": number, "result": told}, {"Mcp-Session-Id": session}
        if not self._has("sessions", session):
            status = 404 if session else 400
            return (
                status,
                {"jsonrpc": "2.0", "id": number, "error": {"code": -32001, "message": "Session not found"}},
                {},
            )
        if number is None:
            return 202, None, {}
        return 200, {"jsonrpc": "2.0", "id": number, "result": self._result(message["method"], params)}, {}

    def _result(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if method == "tools/list":
            return {"tools": TOOLS}
        key = params["arguments"]["id"]
        if params["name"] == "put":
            self._db.execute("insert into entries values (?)", [key])
        there = self._has("entries", key)
        if params["name"] == "drop":
            self._db.execute("delete from entries where id = ?", [key])
        return {"content": [{"type": "text", "text": key if there else "none"}], "isError": not there}
