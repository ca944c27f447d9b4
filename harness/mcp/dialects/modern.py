"""2026-07-28: every request stands by itself, with its envelope in `_meta` and its name in the headers.

Arguments that a tool's schema marks are repeated in headers too (`harness.mcp.mirrored`).
"""

from collections.abc import Generator, Iterator, Mapping
from itertools import count
from typing import Any

import msgspec

from harness.mcp import outcome
from harness.mcp.messages import CLIENT_INFO, Headers, Reply, Request, encode, rpc
from harness.mcp.mirrored import header_value, param_headers
from harness.mcp.traits import NO_TRAITS, Traits

MODERN_VERSION = "2026-07-28"
HEADERS: Headers = (
    ("Accept", "application/json, text/event-stream"),
    ("Content-Type", "application/json"),
    ("MCP-Protocol-Version", MODERN_VERSION),
)
NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


def meta(capabilities: Mapping[str, Any]) -> bytes:
    """The `_meta` envelope that every request carries."""
    return encode(
        {
            "io.modelcontextprotocol/protocolVersion": MODERN_VERSION,
            "io.modelcontextprotocol/clientInfo": CLIENT_INFO,
            "io.modelcontextprotocol/clientCapabilities": capabilities,
        }
    )


META = meta({})


class ModernSession:
    """A session without state, except for the next id; headers are built once per tool."""

    session_id: str | None = None

    def __init__(self, traits: Traits = NO_TRAITS) -> None:
        self.ids: Iterator[int] = count(1)
        self._headers: dict[str, Headers] = {}
        self._meta = meta(traits.capabilities) if traits.capabilities else META
        self._mirrored = traits.mirrored
        self._introduces = traits.introduces

    def opening(self) -> Generator[Request, Reply, Reply | None]:
        if not self._introduces:
            return None
        reply = yield self.request("server/discover", {})
        return (
            reply if reply.outcome in outcome.CONNECTION_FAILURES else None
        )  # it need not know that request

    def closing(self) -> Generator[Request, Reply, Reply | None]:
        yield from ()
        return None

    def listening(self) -> None:
        """Return None: this version has no such stream."""

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Request:
        number = next(self.ids)
        headers = self._headers.get(tool)
        if headers is None:
            headers = self._headers[tool] = _headers("tools/call", tool)
        if self._mirrored and tool in self._mirrored:
            headers += param_headers(self._mirrored[tool], _decoded(arguments))
        params = b'{"name":%b,"arguments":%b,"_meta":%b}' % (encode(tool), encode(arguments), self._meta)
        return Request(f"tools/call:{tool}", rpc(number, "tools/call", params), headers, number)

    def request(self, method: str, params: Mapping[str, Any], operation: str = "") -> Request:
        number = next(self.ids)
        named = params.get(NAMED_BY.get(method, ""))
        headers = _headers(method, named)
        if method == "tools/call" and named in self._mirrored:
            headers += param_headers(self._mirrored[str(named)], params.get("arguments") or {})
        whole = encode(params)
        body = b"%b%b%b}" % (whole[:-1], b',"_meta":' if len(whole) > 2 else b'"_meta":', self._meta)
        return Request(operation or method, rpc(number, method, body), headers, number)


def _decoded(arguments: Mapping[str, Any] | msgspec.Raw) -> Mapping[str, Any]:
    """The arguments as a mapping; those that were encoded once are decoded again for their headers."""
    return msgspec.json.decode(arguments, type=dict) if isinstance(arguments, msgspec.Raw) else arguments


def _headers(method: str, named: str | None) -> Headers:
    name: Headers = (("Mcp-Name", header_value(named)),) if named is not None else ()
    return (*HEADERS, ("Mcp-Method", method), *name)
