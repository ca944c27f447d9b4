"""A small MCP server (2025-06-18 over HTTP) that holds what it is told to: the truth for harness leak, sessions and idle.

    python holding_server.py [--leak BYTES] [--most N] [--inside-200] [--keep BYTES] [--remember N] [--streams N]
                           [--cut-s S] [--reset]

--leak BYTES    keeps so many bytes of every session that is over, for ever
--most N        opens N sessions; more are refused with 503, or with an error inside 200 (--inside-200)
--keep BYTES    holds so many bytes of every session that is open
--remember N    forgets the oldest session when there are more than N
--streams N     has N streams at once (GET); more are refused with an error inside 200
--cut-s S       ends a stream after S seconds, with an end (FIN) or a reset (--reset)

It prints its address when it listens. Sessions that nobody closes stay.
"""

import argparse
import asyncio
import json
import os
import secrets
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

VERSION = "2025-06-18"
TOOL = {"name": "echo", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}
RESET = struct.pack("ii", 1, 0)


@dataclass
class Holding:
    leak: int
    most: int
    inside_200: bool
    cut_s: float
    reset: bool
    keep: int = 0
    remember: int = 0
    streams: int = 0
    open_streams: int = 0
    held: dict[str, bytearray] = field(default_factory=dict)
    sessions: dict[str, int] = field(default_factory=dict)
    kept: list[bytearray] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                method = head.split(b" ", 1)[0]
                fields = {
                    name.strip().lower(): value.strip()
                    for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
                }
                body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
                session = fields.get(b"mcp-session-id", b"").decode()
                if method == b"GET":
                    if self.streams and self.open_streams >= self.streams:
                        reply(writer, 0, {"error": {"code": -32603, "message": "Too many streams"}})
                        continue
                    self.open_streams += 1
                    await self.stream(reader, writer)
                    self.open_streams -= 1
                    return
                self.answer(method, session, body, writer)
                await writer.drain()
        writer.close()

    async def stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        await writer.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.cut_s or None):
                while await reader.read(1024):
                    continue
        if self.reset:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
        writer.close()

    def answer(self, method: bytes, session: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        if method == b"DELETE":
            known = self.sessions.pop(session, None) is not None
            self.held.pop(session, None)
            if known and self.leak:
                self.kept.append(bytearray(os.urandom(1) * self.leak))
            writer.write(b"HTTP/1.1 %d -\r\nContent-Length: 0\r\n\r\n" % (200 if known else 404))
            return
        asked = json.loads(body)
        if asked["method"] == "initialize":
            self.open(asked, writer)
        elif session not in self.sessions:
            writer.write(b"HTTP/1.1 404 -\r\nContent-Length: 0\r\n\r\n")
        elif "id" not in asked:
            writer.write(b"HTTP/1.1 202 -\r\nContent-Length: 0\r\n\r\n")
        else:
            self.sessions[session] += 1
            listed = asked["method"] == "tools/list"
            result = {"tools": [TOOL]} if listed else {"content": [{"type": "text", "text": "hi"}]}
            reply(writer, asked["id"], {"result": result})

    def open(self, asked: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        if self.most and len(self.sessions) >= self.most:
            if self.inside_200:
                reply(writer, asked["id"], {"error": {"code": -32000, "message": "Too many sessions"}})
            else:
                writer.write(b"HTTP/1.1 503 -\r\nContent-Length: 0\r\n\r\n")
            return
        session = secrets.token_hex(16)
        self.sessions[session] = 0
        if self.keep:
            self.held[session] = bytearray(os.urandom(1) * self.keep)
        if self.remember and len(self.sessions) > self.remember:
            del self.sessions[next(iter(self.sessions))]
        info = {"name": "holding", "version": "1"}
        result = {"protocolVersion": VERSION, "capabilities": {"tools": {}}, "serverInfo": info}
        reply(writer, asked["id"], {"result": result}, b"Mcp-Session-Id: %b\r\n" % session.encode())


def reply(writer: asyncio.StreamWriter, number: object, member: dict[str, Any], more: bytes = b"") -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": number} | member).encode()
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n%b"
        % (more, len(body), body)
    )


@contextmanager
def holding(*options: str) -> Iterator[str]:
    """The URL of such a server, in a process of its own."""
    # A fixed threshold: else glibc raises it when the first large piece is freed, and keeps what is freed after that.
    process = subprocess.Popen(
        [sys.executable, __file__, *options],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"MALLOC_MMAP_THRESHOLD_": "131072"},
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--leak", type=int, default=0)
    parser.add_argument("--most", type=int, default=0)
    parser.add_argument("--inside-200", action="store_true")
    for name in ("--keep", "--remember", "--streams"):
        parser.add_argument(name, type=int, default=0)
    parser.add_argument("--cut-s", type=float, default=0.0)
    parser.add_argument("--reset", action="store_true")
    holding = Holding(**vars(parser.parse_args()))
    server = await asyncio.start_server(holding.serve, "127.0.0.1", 0, backlog=4096)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"http://127.0.0.1:{port}/mcp\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
