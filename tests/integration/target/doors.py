"""The doors of a target from outside, for tests that hold for all of them: how each is asked, byte by byte."""

import asyncio
import json
from dataclasses import dataclass, field

from websockets.asyncio.client import connect

HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
JSON = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
HANDSHAKE = {**JSON, "mcp-protocol-version": "2025-11-25"}
ACCEPT = {"accept": JSON["accept"]}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
PING = {"jsonrpc": "2.0", "id": 5, "method": "ping"}


def rpc(method, params=None, request_id=1):
    return {"jsonrpc": "2.0", "id": request_id, "method": method} | ({"params": params} if params else {})


def modern(method, params, **headers):
    """Headers and body of a request of the era without a handshake."""
    named = {"mcp-name": params["name"]} if "name" in params else {}
    told = {**JSON, "mcp-protocol-version": "2026-07-28", "mcp-method": method, **named, **headers}
    return told, rpc(method, {"_meta": META, **params})


def call(name, **arguments):
    return {"name": name, "arguments": arguments}


async def opened(http, url, **headers):
    """A session of the era with a handshake."""
    body = rpc("initialize", HELLO)
    async with http.post(f"{url}/mcp", json=body, headers={**JSON, **headers}) as response:
        assert response.status == 200
        return response.headers["mcp-session-id"]


async def request_of(door, http, url, text):
    """Path, headers and body of a call that runs this query: `plain`, or at /mcp an era and the form of the answer."""
    if door == "plain":
        return "/mcp/tools/call", JSON, rpc("execute_query", {"query": text})
    era, form = door.split()
    params = call("execute_query", query=text)
    if form == "stream":
        params["_meta"] = {"progressToken": "p"}
    if era == "handshake":
        session = await opened(http, url)
        return "/mcp", {**HANDSHAKE, "mcp-session-id": session}, rpc("tools/call", params)
    headers, body = modern("tools/call", {**params, "_meta": {**META, **params.get("_meta", {})}})
    return "/mcp", headers, body


@dataclass
class Raw:
    """One HTTP request on a connection of its own, which can be cut."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def sent(cls, url, path, headers, body, method="POST"):
        host, _, port = url.removeprefix("http://").partition(":")
        raw = cls(*await asyncio.open_connection(host, int(port)))
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        told = {"host": f"{host}:{port}", "content-length": str(len(data)), **headers}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
        raw.writer.write("\r\n".join(lines).encode() + data)
        await raw.writer.drain()
        return raw

    async def status(self):
        return int((await self.reader.readline()).split()[1])

    def cut(self):
        self.writer.transport.abort()


@dataclass
class Talk:
    """A WebSocket client: asks, and finds its answer among whatever comes."""

    socket: object
    seen: list = field(default_factory=list)

    @classmethod
    async def begun(cls, url, **options):
        talk = cls(await connect(url.replace("http", "ws") + "/mcp/ws", subprotocols=["mcp"], **options))
        await talk.ask("initialize", HELLO, 0)
        await talk.say({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return talk

    async def say(self, message):
        await self.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def ask(self, method, params, request_id):
        await self.say(rpc(method, params, request_id))
        while (answer := json.loads(await self.socket.recv())).get("id") != request_id:
            self.seen.append(answer)
        return answer

    def cut(self):
        self.socket.transport.abort()
