"""An MCP server's door: HTTP and JSON-RPC are the same for every server here, what a tool does is its own.

    connection -> Door -> initialize, tools/list, ... answered at once
                       -> tools/call -> the server's `call(Call)`, which answers it when it likes, or breaks it

Spoken: Streamable HTTP after a handshake (2025-11-25), and plain JSON-RPC where the method is the tool. One request at a
time on a connection. Bodies have a Content-Length.

Beside it, on the same port: GET /record has what this server did, counted by itself: that is the truth which a run is
held against. Nothing of it is written or read while calls come.

What it does not check: whether a client keeps to the protocol. It is as fast as it can be instead.
"""

import asyncio
import json
import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import msgspec

from tests.truth.servers.timers import NS_PER_S, Timers

VERSION = "2025-11-25"
BACKLOG = 4096
SESSION = "Mcp-Session-Id"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_SESSION = re.compile(rb"\r\nmcp-session-id: *([^\r]+)", re.IGNORECASE)
_RESET = struct.pack("ii", 1, 0)  # linger for no time: what is closed is reset


class _Asked(msgspec.Struct):
    """The part of a request that a server looks at."""

    method: str = ""
    id: int | str | None = None
    params: dict[str, Any] = {}


class Server(Protocol):
    """What makes one server different from another."""

    tools: Mapping[str, Mapping[str, Any]]  # by name: what tools/list adds to it, such as `annotations`

    def call(self, call: "Call") -> None: ...


@dataclass(slots=True)
class Call:
    """One call of a tool. Exactly one of its answers is given."""

    door: "Door"
    connection: "_Connection"
    id: int | str | None
    tool: str
    arguments: Mapping[str, Any]
    session: str
    number: int  # 1, 2, ... over all tools
    arrived_ns: int = field(default_factory=time.monotonic_ns)

    def ok(self, text: str = "ok") -> None:
        self._result("ok", text, failed=False)

    def tool_error(self, text: str = "no") -> None:
        self._result("tool_error", text, failed=True)

    def rpc_error(self, text: str = "no", code: int = -32000) -> None:
        """A JSON-RPC error inside of HTTP 200."""
        body = {"jsonrpc": "2.0", "id": self.id, "error": {"code": code, "message": text}}
        self._say("rpc_error", json.dumps(body).encode())

    def status(self, status: int, outcome: str) -> None:
        self._say(outcome, b"no", status)

    def raw(self, outcome: str, body: bytes) -> None:
        """HTTP 200 with whatever this is."""
        self._say(outcome, body)

    def cut_short(self) -> None:
        """The connection ends in the middle of the reply."""
        self._note("truncated")
        self.connection.write(
            b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"jso'
        )
        self.connection.close()

    def disconnect(self) -> None:
        self._note("disconnected")
        self.connection.close()

    def reset(self) -> None:
        self._note("reset")
        self.connection.reset()

    def at(self, moment_ns: int, answer: Callable[[], None]) -> None:
        """Give this answer at that moment."""
        self.door.timers.at(moment_ns, answer)

    def after(self, seconds: float, answer: Callable[[], None] | None = None) -> None:
        """Give this answer (`ok`) so many seconds after the call has arrived."""
        self.at(self.arrived_ns + round(seconds * NS_PER_S), answer or self.ok)

    def _result(self, outcome: str, text: str, *, failed: bool) -> None:
        head = b'{"jsonrpc":"2.0","id":%b,"result":{"content":[{"type":"text","text":%b}],"isError":%b}}'
        said = (json.dumps(self.id).encode(), json.dumps(text).encode(), b"true" if failed else b"false")
        self._say(outcome, head % said)

    def _say(self, outcome: str, body: bytes, status: int = 200) -> None:
        self._note(outcome)
        self.connection.reply(body, status)

    def _note(self, outcome: str) -> None:
        self.door.ended(self, outcome)


class Door:
    """What all connections share: the server behind it, and what it did."""

    def __init__(self, server: Server, timers: Timers, *, sessions: bool = False) -> None:
        self.server, self.timers = server, timers
        self.sessions: set[str] | None = set() if sessions else None
        self.asked: Counter[str] = Counter()  # requests, by method
        self.counts: Counter[str] = Counter()  # by what the server likes to count
        self.calls: list[tuple[str, str, int, int]] = []  # tool, outcome, arrived_ns, answered_ns

    def ended(self, call: Call, outcome: str) -> None:
        self.calls.append((call.tool, outcome, call.arrived_ns, time.monotonic_ns()))

    def record(self) -> dict[str, Any]:
        """What this server did, by its own count."""
        return {
            "asked": self.asked,
            "counts": self.counts,
            "calls": self.calls,
            "open": self.asked["tools/call"] - len(self.calls),
            "wall_minus_monotonic_ns": time.time_ns() - time.monotonic_ns(),
        }

    def handle(self, connection: "_Connection", head: bytes, body: bytes) -> None:
        """One request."""
        if not head.startswith(b"POST"):
            self._beside(connection, head)
            return
        asked = msgspec.json.decode(body, type=_Asked)
        method = asked.method
        if method in self.server.tools:  # plain JSON-RPC
            asked = _Asked("tools/call", asked.id, {"name": method, "arguments": asked.params})
        self.asked[asked.method] += 1
        if asked.method == "tools/call":
            self._tool(connection, head, asked)
        elif asked.id is None:
            connection.reply(b"", 202)
        else:
            self._protocol(connection, asked)

    def _tool(self, connection: "_Connection", head: bytes, asked: _Asked) -> None:
        found = _SESSION.search(head) if self.sessions is not None else None
        session = found[1].decode() if found else ""
        name, arguments = str(asked.params.get("name", "")), asked.params.get("arguments") or {}
        call = Call(self, connection, asked.id, name, arguments, session, self.asked["tools/call"])
        if self.sessions is not None and session not in self.sessions:
            self.counts["calls in a session that is unknown"] += 1
            call.status(404, "session_lost")
        else:
            self.server.call(call)

    def _protocol(self, connection: "_Connection", asked: _Asked) -> None:
        result: dict[str, Any] | None = None
        extra = b""
        if asked.method == "initialize":
            info = {"name": "truth", "version": "1"}
            result = {"protocolVersion": VERSION, "capabilities": {"tools": {}}, "serverInfo": info}
            if self.sessions is not None:
                session = f"s{self.asked['initialize']}"
                self.sessions.add(session)
                extra = f"{SESSION}: {session}\r\n".encode()
        elif asked.method == "tools/list":
            schema = {"type": "object"}
            result = {
                "tools": [{"name": n, "inputSchema": schema, **more} for n, more in self.server.tools.items()]
            }
        elif asked.method == "ping":
            result = {}
        answer = (
            {"result": result} if result is not None else {"error": {"code": -32601, "message": "unknown"}}
        )
        connection.reply(json.dumps({"jsonrpc": "2.0", "id": asked.id, **answer}).encode(), 200, extra)

    def _beside(self, connection: "_Connection", head: bytes) -> None:
        if head.startswith(b"DELETE"):
            found = _SESSION.search(head)
            if self.sessions is not None and found:
                self.sessions.discard(found[1].decode())
            connection.reply(b"", 200)
        elif head.startswith(b"GET /record "):
            connection.reply(json.dumps(self.record()).encode())
        else:
            connection.reply(b"", 405)


class _Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        while True:
            head, end, rest = self._data.partition(b"\r\n\r\n")
            found = _LENGTH.search(head)
            length = int(found[1]) if found else 0
            if not end or len(rest) < length:
                return
            self._data = rest[length:]
            self._door.handle(self, head, rest[:length])

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def reply(self, body: bytes, status: int = 200, extra: bytes = b"") -> None:
        head = b"HTTP/1.1 %d -\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b\r\n"
        self.write(head % (status, len(body), extra) + body)

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        if self._transport is not None:
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()


async def listen(door: Door) -> int:
    """On a port of the machine's choice."""
    loop = asyncio.get_running_loop()
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.bind(("127.0.0.1", 0))
    await loop.create_server(partial(_Connection, door), sock=sock, backlog=BACKLOG)
    port: int = sock.getsockname()[1]
    return port
