"""WebSocket with subprotocol `mcp`: one JSON-RPC message a text frame, the handshake over frames, integer ids.

The connection is the session. It is not in any revision of the specification; this is what servers do.
"""

from collections.abc import Generator, Mapping
from itertools import count
from typing import Any

from harness.mcp import outcome
from harness.mcp.dialects.handshake import HANDSHAKE_VERSIONS, initialize_params
from harness.mcp.messages import Reply, Request, encode, rpc
from harness.mcp.traits import NO_TRAITS, Traits

SUBPROTOCOL = "mcp"


class WebSocketSession:
    """One connection's ids."""

    session_id: str | None = None

    def __init__(self, traits: Traits = NO_TRAITS) -> None:
        self._ids = count(1)
        self._capabilities = traits.capabilities

    def opening(self) -> Generator[Request, Reply, Reply | None]:
        reply = yield self.request("initialize", initialize_params(HANDSHAKE_VERSIONS[0], self._capabilities))
        if reply.outcome == outcome.OK:
            body = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
            yield Request("notifications/initialized", body, (), None)
        return reply

    def closing(self) -> Generator[Request, Reply, Reply | None]:
        yield from ()
        return None

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Request:
        number = next(self._ids)
        params = b'{"name":%b,"arguments":%b}' % (encode(tool), encode(arguments))
        return Request(f"tools/call:{tool}", rpc(number, "tools/call", params), (), number)

    def request(self, method: str, params: Mapping[str, Any], operation: str = "") -> Request:
        number = next(self._ids)
        return Request(operation or method, rpc(number, method, encode(params)), (), number)
