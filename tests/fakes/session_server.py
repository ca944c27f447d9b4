"""A server that knows what its clients do: sessions opened and closed, calls at once, streams, tasks, questions, pages.

It speaks 2025-11-25 and 2026-07-28 over threads, so that a test can see each request with its connection and headers.
"""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.accepting import accepting
from tests.fakes.wire import read_request

SAID: dict[str, dict[str, Any]] = {
    "search": {"content": [], "structuredContent": {"items": [{"id": 7, "word": "seven"}]}},
    "fails": {"content": [{"type": "text", "text": "no"}], "isError": True},
    "long": {"content": [{"type": "text", "text": "x" * 5_000}]},
}
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
LONG = "x" * 5_000


@dataclass(frozen=True)
class Asked:
    """A request, on which connection, in which session."""

    connection: int
    verb: str
    method: str
    params: dict[str, Any]
    session: str
    authorization: str = ""


@dataclass
class SessionServer:
    """What came, and how it is answered."""

    url: str = ""
    at_once: int = 1  # `together` answers when so many of its calls are there
    streams: list[socket.socket] = field(default_factory=list)
    refuses_streams: bool | str = False  # inside a status of 200
    asked: list[Asked] = field(default_factory=list)
    given_up: threading.Event = field(default_factory=threading.Event)
    _connections: int = 0
    _sessions: int = 0
    _polls: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _answered: threading.Event = field(default_factory=threading.Event)
    _together: threading.Barrier | None = None

    def seen(self, *methods: str) -> list[str]:
        """The methods that came, in order; only these, if any are given."""
        found = [one.method or one.verb for one in self.asked]
        return [method for method in found if not methods or method in methods]

    def cut_streams(self) -> None:
        """As a proxy does that finds them idle."""
        for sock in self.streams:
            sock.shutdown(socket.SHUT_RDWR)
        self.streams.clear()

    def serve(self, sock: socket.socket) -> None:
        """Answer the requests of one connection."""
        with self._lock:
            self._connections += 1
            number = self._connections
        while request := read_request(sock):
            head, body = request
            lines = head.decode().split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
            }
            message = json.loads(body) if body else {}
            method, params = message.get("method", ""), message.get("params") or {}
            asked = Asked(
                number,
                lines[0].split()[0],
                method,
                params,
                headers.get("mcp-session-id", ""),
                headers.get("authorization", ""),
            )
            self.asked.append(asked)
            if not self._one(sock, asked, message):
                return

    def _one(self, sock: socket.socket, asked: Asked, message: dict[str, Any]) -> bool:
        if asked.verb == "GET":
            sock.sendall(STREAM)
            self.streams.append(sock)
            return False
        if asked.verb == "DELETE":
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return True
        if "id" not in message or "method" not in message:
            if "result" in message:
                self._answered.set()
            sock.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
            return True
        if asked.method == "subscriptions/listen" and not self.refuses_streams:
            sock.sendall(
                STREAM + _event({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged"})
            )
            self.streams.append(sock)
            return False
        return self._rpc(sock, asked, message["id"])

    def _rpc(self, sock: socket.socket, asked: Asked, number: int) -> bool:
        said: dict[str, Any] = {"jsonrpc": "2.0", "id": number}
        if asked.method == "subscriptions/listen":
            refusal = said | {"error": {"code": -32603, "message": "too many streams"}}
            if self.refuses_streams == "on the stream":
                sock.sendall(STREAM + _event(refusal))
                return False
            return _reply(sock, refusal)
        tool = asked.params.get("name")
        if tool == "never":
            sock.recv(1)  # until the client leaves
            self.given_up.set()
            return False
        if tool == "together":
            self._meet()
        if tool == "asks":
            sock.sendall(
                STREAM + _event({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": FORM})
            )
            assert self._answered.wait(20)
            sock.sendall(_event(said | {"result": {"content": []}}))
            return False
        extra = ""
        if asked.method == "initialize":
            self._sessions += 1
            extra = f"Mcp-Session-Id: s{self._sessions}\r\n"
        return _reply(sock, said | {"result": self._result(asked)}, extra)

    def _meet(self) -> None:
        with self._lock:
            self._together = self._together or threading.Barrier(self.at_once, timeout=20)
        with suppress(threading.BrokenBarrierError):  # not all of them came
            self._together.wait()

    def _result(self, asked: Asked) -> dict[str, Any]:
        match asked.method:
            case "initialize" | "server/discover":
                offered = {"tools": {}, "resources": {}}
                return {"protocolVersion": "2025-11-25", "serverInfo": {"name": "s"}, "capabilities": offered}
            case "tools/list":
                after = {None: "1", "1": "2"}.get(asked.params.get("cursor"))
                return {"tools": []} | ({"nextCursor": after} if after else {})
            case "resources/list":
                return {"resources": [], "nextCursor": "always"}
            case "tasks/get":
                self._polls += 1
                status = "completed" if self._polls > 1 else "working"
                return {"taskId": "t1", "status": status, "pollInterval": 1}
            case "tools/call" if "task" in asked.params:
                return {"task": {"taskId": "t1", "status": "working", "pollInterval": 1}}
            case "tools/call" if asked.params["name"] == "asks-2026" and "inputResponses" not in asked.params:
                question = {"method": "elicitation/create", "params": FORM}
                return {
                    "resultType": "input_required",
                    "inputRequests": {"q": question},
                    "requestState": "st",
                }
            case "tools/call":
                return SAID.get(asked.params["name"], {"content": []})
        return {"content": []}


FORM = {"message": "who?", "requestedSchema": {"type": "object", "properties": {"name": {"type": "string"}}}}


def _event(message: dict[str, Any]) -> bytes:
    return b"event: message\ndata: %b\n\n" % json.dumps(message).encode()


def _reply(sock: socket.socket, said: dict[str, Any], extra: str = "") -> bool:
    body = json.dumps(said).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
    sock.sendall(head.encode() + body)
    return True


@contextmanager
def session_server(**how: Any) -> Iterator[SessionServer]:
    """The server, while it runs."""
    server = SessionServer(**how)
    with accepting(server.serve) as origin:
        server.url = f"{origin}/mcp"
        yield server
