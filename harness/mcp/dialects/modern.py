"""2026-07-28: every request stands by itself, with its envelope in `_meta` and its name in the headers.

Header values that are not printable ASCII, have blanks at an edge or look like the sentinel are sent as
`=?base64?...?=`.
"""

import base64
import re
from collections.abc import Generator, Mapping
from itertools import count
from typing import Any

from harness.mcp.messages import CLIENT_INFO, Headers, Reply, Request, encode, rpc

MODERN_VERSION = "2026-07-28"
HEADERS: Headers = (
    ("Accept", "application/json, text/event-stream"),
    ("Content-Type", "application/json"),
    ("MCP-Protocol-Version", MODERN_VERSION),
)
META = encode(
    {
        "io.modelcontextprotocol/protocolVersion": MODERN_VERSION,
        "io.modelcontextprotocol/clientInfo": CLIENT_INFO,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
)
_PLAIN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


def header_value(text: str) -> str:
    """A name as a header may carry it."""
    if _PLAIN.fullmatch(text) and not text.startswith("=?base64?"):
        return text
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


class ModernSession:
    """Nothing to remember but the next id; headers are made once a tool."""

    session_id: str | None = None

    def __init__(self) -> None:
        self._ids = count(1)
        self._headers: dict[str, Headers] = {}

    def opening(self) -> Generator[Request, Reply, Reply | None]:
        yield from ()
        return None

    closing = opening

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Request:
        number = next(self._ids)
        headers = self._headers.get(tool)
        if headers is None:
            headers = self._headers[tool] = _headers("tools/call", tool)
        params = b'{"name":%b,"arguments":%b,"_meta":%b}' % (encode(tool), encode(arguments), META)
        return Request(f"tools/call:{tool}", rpc(number, "tools/call", params), headers, number)

    def request(self, method: str, params: Mapping[str, Any]) -> Request:
        number = next(self._ids)
        named = params.get(NAMED_BY.get(method, ""))
        whole = encode(params)
        body = b"%b%b%b}" % (whole[:-1], b',"_meta":' if len(whole) > 2 else b'"_meta":', META)
        return Request(method, rpc(number, method, body), _headers(method, named), number)


def _headers(method: str, named: str | None) -> Headers:
    name: Headers = (("Mcp-Name", header_value(named)),) if named is not None else ()
    return (*HEADERS, ("Mcp-Method", method), *name)
