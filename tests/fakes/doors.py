"""An MCP server at odd places: IPv6, a Unix socket, TLS of its own, behind a proxy, compressed; real sockets, in threads.

It answers at every path, and remembers what was asked of it.
"""

import gzip
import json
import os
import socket
import ssl
import subprocess
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import StreamRequestHandler, TCPServer, ThreadingMixIn, UnixStreamServer
from typing import Any, ClassVar

import pytest

from tests import getting

RESULTS: dict[str, Any] = {
    "initialize": {"protocolVersion": "2025-11-25", "serverInfo": {"name": "odd", "version": "1"}, "capabilities": {"tools": {}}},
    "tools/list": {"tools": [{"name": "echo", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}]},
    "tools/call": {"content": [{"type": "text", "text": "hi" * 200}]},
}  # fmt: skip
HTTP2_SETTINGS = bytes.fromhex("00000c04000000000000030000006400040001000000")


@dataclass
class Seen:
    """What was asked: a line and the Host header each."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    proxied: list[str] = field(default_factory=list)
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)  # of every reply


class Mcp(BaseHTTPRequestHandler):
    """Answers as the handshake does, over HTTP/1.1."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[Seen]
    encoding: ClassVar[str] = ""

    def address_string(self) -> str:
        return ""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.asked.append((self.path, self.headers["Host"]))
        if "id" not in body:
            self._say(202, b"")
        elif body["method"] in RESULTS:
            self._say(
                200,
                json.dumps({"jsonrpc": "2.0", "id": body["id"], "result": RESULTS[body["method"]]}).encode(),
            )
        else:
            error = {"code": -32601, "message": "no such method"}
            self._say(200, json.dumps({"jsonrpc": "2.0", "id": body["id"], "error": error}).encode())

    def do_GET(self) -> None:
        self._say(405, b"")

    def do_DELETE(self) -> None:
        self._say(405, b"")

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if body:
            self.send_header("Content-Type", "application/json")
        for name, text in self.seen.headers.items():
            self.send_header(name, text)
        if body and self.encoding:
            self.send_header("Content-Encoding", self.encoding)
            body = packed(body, self.encoding)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def packed(body: bytes, encoding: str) -> bytes:
    if encoding == "deflate without its frame":
        made = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return made.compress(body) + made.flush()
    return {"gzip": gzip.compress, "deflate": zlib.compress}.get(encoding, bytes)(body)


class _Tcp(ThreadingMixIn, TCPServer):
    daemon_threads = True
    request_queue_size = 128


class _Tcp6(_Tcp):
    address_family = socket.AF_INET6


class _Unix(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def serving(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def handler(seen: Seen, encoding: str = "") -> type[Mcp]:
    return type("Handler", (Mcp,), {"seen": seen, "encoding": encoding})


@contextmanager
def at_ipv6() -> Iterator[Seen]:
    seen = Seen()
    with serving(_Tcp6(("::1", 0), handler(seen))) as server:
        seen.url = f"http://[::1]:{server.server_address[1]}"
        yield seen


@contextmanager
def at_ipv4(encoding: str = "") -> Iterator[Seen]:
    seen = Seen()
    with serving(_Tcp(("127.0.0.1", 0), handler(seen, encoding))) as server:
        seen.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield seen


@contextmanager
def at_socket(path: Path) -> Iterator[Seen]:
    seen = Seen()
    with serving(_Unix(str(path), handler(seen))):
        seen.url = f"http+unix://{str(path).replace('/', '%2F')}"
        yield seen
    path.unlink(missing_ok=True)


@contextmanager
def behind_tls(context: ssl.SSLContext) -> Iterator[Seen]:
    """With a certificate of its own; the context may ask for one of the client's."""
    seen = Seen()

    class Secure(_Tcp):
        def get_request(self) -> Any:
            sock, place = super().get_request()
            return context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), place

        def handle_error(self, *_: Any) -> None:
            """A client that refuses is what is tested."""

    with serving(Secure(("127.0.0.1", 0), handler(seen))) as server:
        seen.url = f"https://127.0.0.1:{server.server_address[1]}"
        yield seen


class _Proxy(StreamRequestHandler):
    """Passes on to one server, whatever is asked for: names of a test's own lead there."""

    upstream: ClassVar[tuple[str, int]]
    seen: ClassVar[Seen]
    refuses: ClassVar[str] = ""

    def handle(self) -> None:
        line = self.rfile.readline()
        head = [line]
        while (more := self.rfile.readline()) not in {b"\r\n", b""}:
            head.append(more)
        self.seen.proxied += [
            each.decode().strip() for each in head if each is line or each.lower().startswith(b"proxy-")
        ]
        if self.refuses:
            self.wfile.write(f"HTTP/1.1 {self.refuses}\r\nContent-Length: 0\r\n\r\n".encode())
            return
        with socket.create_connection(self.upstream) as there:
            if line.startswith(b"CONNECT"):
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                method, target, version = line.split(b" ", 2)
                path = b"/" + target.split(b"/", 3)[3]
                there.sendall(b" ".join([method, path, version]) + b"".join(head[1:]) + b"\r\n")
            back = threading.Thread(target=_pass_on, args=(there, self.connection), daemon=True)
            back.start()
            named = b"" if line.startswith(b"CONNECT") else b"/".join(target.split(b"/", 3)[:3])
            while data := self.rfile.read1(65_536):
                there.sendall(data.replace(b" " + named, b" ", 1) if named else data)
            with suppress(OSError):  # it has closed already
                there.shutdown(socket.SHUT_WR)
            back.join(10)


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
    except OSError:
        return


@contextmanager
def proxy(upstream: str, seen: Seen, refuses: str = "") -> Iterator[str]:
    """The address of a proxy before a server; what it was asked for is in `seen`."""
    port = int(upstream.rpartition(":")[2])
    kind = type("Proxy", (_Proxy,), {"upstream": ("127.0.0.1", port), "seen": seen, "refuses": refuses})
    with serving(_Tcp(("127.0.0.1", 0), kind)) as server:
        yield f"http://127.0.0.1:{server.server_address[1]}"


@contextmanager
def http2_only() -> Iterator[str]:
    """A server that begins as HTTP/2 servers do, whatever it is asked."""

    class Http2(StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(HTTP2_SETTINGS)
            self.connection.recv(65_536)

    with serving(_Tcp(("127.0.0.1", 0), Http2)) as server:
        yield f"http://127.0.0.1:{server.server_address[1]}"


def certificates(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that signs itself, and its key, by openssl."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    names = [
        "-addext",
        "subjectAltName=IP:127.0.0.1,DNS:gateway.test",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    try:
        subprocess.run([*command, *names], check=True, capture_output=True, env={**os.environ})
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(getting.openssl(error))
    return certificate, key
