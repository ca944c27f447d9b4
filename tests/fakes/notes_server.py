"""An MCP server that nobody here would start otherwise: notes in a PostgreSQL of its own, by a pool of two connections.

    DATABASE_URL=... PORT=... python tests/fakes/notes_server.py [--polite]

It makes its table by itself, and waits two seconds for its database at most. With `--polite` a failure of the database is told as a
success, as some servers do: the text is "Database error".
"""

import asyncio
import os
import sys
from typing import Any

import asyncpg
from aiohttp import web

PATIENCE_S = 2.0
POLITE = "--polite" in sys.argv
TOOLS = [
    {
        "name": name,
        "inputSchema": {"type": "object", "properties": {"id": {"type": "integer"}}},
        "annotations": {"readOnlyHint": True},
    }
    for name in ("read_note", "list_notes")
]


class Notes:
    """The notes."""

    pool: "asyncpg.Pool[asyncpg.Record]"

    async def open(self, _: web.Application) -> None:
        self.pool = await asyncpg.create_pool(
            os.environ["DATABASE_URL"], min_size=1, max_size=2, timeout=PATIENCE_S
        )
        await self.pool.execute("CREATE TABLE IF NOT EXISTS note (id int PRIMARY KEY, text text)")
        await self.pool.execute(
            "INSERT INTO note SELECT id, 'note ' || id FROM generate_series(1, 9) AS id ON CONFLICT DO NOTHING"
        )

    async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            async with asyncio.timeout(PATIENCE_S):
                rows = (
                    await self.pool.fetch("SELECT id, text FROM note ORDER BY id")
                    if name == "list_notes"
                    else await self.pool.fetch(
                        "SELECT id, text FROM note WHERE id = $1", int(arguments.get("id", 1))
                    )
                )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return {"content": [{"type": "text", "text": "Database error"}], "isError": not POLITE}
        notes = [{"id": row["id"], "text": row["text"]} for row in rows]
        return {
            "content": [{"type": "text", "text": ", ".join(note["text"] for note in notes)}],
            "structuredContent": {"notes": notes},
        }


def served() -> web.Application:
    notes = Notes()

    async def answer(request: web.Request) -> web.Response:
        message = await request.json()
        if "id" not in message:
            return web.Response(status=202)
        params = message.get("params") or {}
        match message["method"]:
            case "initialize":
                result = {
                    "protocolVersion": "2025-06-18",
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "notes", "version": "1"},
                }
            case "tools/list":
                result = {"tools": TOOLS}
            case "tools/call":
                result = await notes.call(params["name"], params.get("arguments") or {})
            case _:
                error = {"code": -32601, "message": "Method not found"}
                return web.json_response({"jsonrpc": "2.0", "id": message["id"], "error": error})
        return web.json_response({"jsonrpc": "2.0", "id": message["id"], "result": result})

    async def health(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    application = web.Application()
    application.on_startup.append(notes.open)
    application.router.add_post("/mcp", answer)
    application.router.add_get("/health", health)
    return application


if __name__ == "__main__":
    web.run_app(served(), host="127.0.0.1", port=int(os.environ["PORT"]), print=None)
