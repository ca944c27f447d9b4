"""Clients beside the load that come, call and go again, in every protocol that the reference target speaks.

Each connects anew every time: some take their leave as the protocol says, some are cut off in the middle of an answer, and those
of the WebSocket come back into their session.
"""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiohttp
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.integration.target.doors import HANDSHAKE, HELLO, JSON, META, Raw, Talk, call, modern, opened, rpc

PAUSE_S: Final = 0.2
FAULTS: Final = (
    aiohttp.ClientError,
    OSError,
    TimeoutError,
    WebSocketException,
    EOFError,
)  # that the soak itself causes
QUERY: Final = call("execute_query", query="SELECT * FROM orders LIMIT 20")
Visit = Callable[[str, aiohttp.ClientSession], Awaitable[None]]


async def _plain(url: str, http: aiohttp.ClientSession) -> None:
    await _post(http, f"{url}/mcp/tools/call", rpc("list_databases"), JSON)


async def _modern(url: str, http: aiohttp.ClientSession) -> None:
    headers, body = modern("tools/call", QUERY)
    await _post(http, f"{url}/mcp", body, headers)


async def _modern_stream(url: str, http: aiohttp.ClientSession) -> None:
    params = {**call("wait", milliseconds=20), "_meta": {**META, "progressToken": "p"}}
    headers, body = modern("tools/call", params)
    await _post(http, f"{url}/mcp", body, headers)


def _handshake(version: str) -> Visit:
    async def visit(url: str, http: aiohttp.ClientSession) -> None:
        hello = rpc("initialize", HELLO | {"protocolVersion": version})
        async with http.post(f"{url}/mcp", json=hello, headers=JSON) as response:
            session = response.headers["mcp-session-id"]
        told = {**JSON, "mcp-protocol-version": version, "mcp-session-id": session}
        await _post(http, f"{url}/mcp", rpc("tools/list"), told)
        await _post(http, f"{url}/mcp", rpc("tools/call", QUERY), told)
        async with http.delete(f"{url}/mcp", headers=told):
            pass

    return visit


async def _leaves_its_session(url: str, http: aiohttp.ClientSession) -> None:
    """Opened, never closed: it expires."""
    session = await opened(http, url)
    body = rpc("tools/call", {**call("wait", milliseconds=20), "_meta": {"progressToken": "p"}})
    await _post(http, f"{url}/mcp", body, {**HANDSHAKE, "mcp-session-id": session})


async def _cut_off(url: str, _http: aiohttp.ClientSession) -> None:
    for path, headers, body in (
        ("/mcp/tools/call", JSON, rpc("wait", {"milliseconds": 200})),
        ("/mcp", *modern("tools/call", QUERY)),
        ("/mcp/tools/call", {**JSON, "content-length": "5000"}, b'{"half": '),
    ):
        raw = await Raw.sent(url, path, headers, body)
        await asyncio.sleep(0.01)
        raw.cut()


async def _websocket(url: str, _http: aiohttp.ClientSession) -> None:
    talk = await Talk.begun(url)
    await talk.ask("tools/call", QUERY, 7)
    await talk.socket.close()  # type: ignore[attr-defined]


async def _websocket_resumes(url: str, _http: aiohttp.ClientSession) -> None:
    address = url.replace("http", "ws") + "/mcp/ws"
    async with connect(address, subprotocols=["mcp"]) as first:  # type: ignore[list-item]
        await first.send(json.dumps(rpc("initialize", HELLO)))
        token = json.loads(await first.recv())["result"]["_meta"]["harness/session"]
        first.transport.abort()
    async with connect(address, additional_headers={"mcp-session-id": token}) as second:
        await second.send(json.dumps(rpc("tools/call", QUERY, 2)))
        await second.recv()


async def _task(url: str, http: aiohttp.ClientSession) -> None:
    body = {"kind": "wait", "arguments": {"seconds": 0}}
    async with http.post(f"{url}/tasks", json=body) as response:
        name = (await response.json())["id"]
    async with http.get(f"{url}/tasks/{name}") as response:
        await response.read()


async def _pages(url: str, http: aiohttp.ClientSession) -> None:
    for path in ("/health", "/status", "/metrics", "/sessions", "/sessions/%00"):
        async with http.get(url + path) as response:
            await response.read()


VISITS: Final[dict[str, Visit]] = {
    "plain": _plain,
    "2026-07-28": _modern,
    "2026-07-28 stream": _modern_stream,
    **{version: _handshake(version) for version in ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")},
    "session left open": _leaves_its_session,
    "cut off": _cut_off,
    "websocket": _websocket,
    "websocket resumed": _websocket_resumes,
    "task": _task,
    "pages": _pages,
}


async def _post(http: aiohttp.ClientSession, url: str, body: Any, headers: dict[str, str]) -> None:
    async with http.post(url, json=body, headers=headers) as response:
        await response.read()


async def visit_on(url: str, visited: Counter[str]) -> None:
    """All kinds at once, each again and again, until cancelled; `visited` counts what came to its end."""

    async def again(name: str, visit: Visit) -> None:
        while True:
            with contextlib.suppress(*FAULTS, KeyError, ValueError):
                async with (
                    asyncio.timeout(10),
                    aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http,
                ):
                    await visit(url, http)
                    visited[name] += 1
            await asyncio.sleep(PAUSE_S)

    await asyncio.gather(*(again(name, visit) for name, visit in VISITS.items()))
