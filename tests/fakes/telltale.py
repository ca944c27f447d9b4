"""An MCP server that tells everything it was given, in its log and in its errors: `python telltale.py PORT [ANYTHING...]`.

Each call fails with one more thing that it knows of: a header, the path, the arguments, its own command line, its environment;
as it is, URL-encoded, in base64, and at the end of a long sentence that somebody will cut.
"""

import base64
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import quote

NUMBERS = count()
PADDING = "x" * 100


def said(text: str) -> list[str]:
    """One thing in its forms, and in places where a cut goes through it."""
    forms = [text, quote(text, safe=""), base64.b64encode(text.encode()).decode(), json.dumps({"said": text})]
    return forms + [PADDING + " " * shift + text for shift in (0, 7)]


class Telltale(BaseHTTPRequestHandler):
    """Streamable HTTP, the least of it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        message = json.loads(body)
        given = [
            self.path,
            *map(str, self.headers.values()),
            *map(str, (message.get("params") or {}).get("arguments", {}).values()),
        ]
        print(self.path, dict(self.headers), body.decode(), flush=True)  # noqa: T201
        match message["method"]:
            case "initialize":
                result = {
                    "protocolVersion": "2025-06-18",
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": f"telltale {self.headers['Authorization']}", "version": given[0]},
                }
            case "tools/list":
                schema = {"type": "object", "properties": {}}
                result = {"tools": [{"name": "tell", "description": given[1], "inputSchema": schema}]}
            case "tools/call":
                told = [form for text in [*given, *sys.argv[2:], *OWN] for form in said(text)]
                text = told[next(NUMBERS) % len(told)]
                result = {"content": [{"type": "text", "text": text}], "isError": True}
            case _:
                self.answer(202, b"")
                return
        self.answer(200, json.dumps({"jsonrpc": "2.0", "id": message.get("id"), "result": result}).encode())

    def do_GET(self) -> None:
        given = [self.path, *map(str, self.headers.values())]
        told = {"told": [form for text in given for form in said(text)]}
        self.answer(200 if self.path.startswith("/probe") else 405, json.dumps(told).encode())

    def do_DELETE(self) -> None:
        self.answer(405, b"")

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """It has its own way of telling."""


OWN = [
    value
    for name, value in sorted(os.environ.items())
    if name.startswith(("PLANTED", "DATABASE", "AMQP", "REDIS"))
]

if __name__ == "__main__":
    print(sys.argv, OWN, [form for text in OWN for form in said(text)], flush=True)  # noqa: T201
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Telltale).serve_forever()
