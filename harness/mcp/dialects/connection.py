"""Dialects whose connection is the session: WebSocket with subprotocol `mcp`, and HTTP+SSE of 2024-11-05.

initialize -> notifications/initialized -> calls; no session id, integer ids, no closing request. WebSocket is
in no revision of the specification; servers send one message per text frame. With HTTP+SSE, messages are
posted to the endpoint that the open stream named, and replies come on that stream.
"""

from collections.abc import Generator, Iterator, Mapping
from itertools import count
from typing import Any

from harness.mcp import outcome
from harness.mcp.dialects.handshake import initialize_params
from harness.mcp.messages import Headers, Reply, Request, encode, rpc
from harness.mcp.traits import NO_TRAITS, Traits


class ConnectionSession:
    """The request ids of one connection."""

    session_id: str | None = None

    def __init__(self, version: str, headers: Headers = (), traits: Traits = NO_TRAITS) -> None:
        self._version = version
        self._headers = headers
        self.ids: Iterator[int] = count(1)
        self._capabilities = traits.capabilities

    def opening(self) -> Generator[Request, Reply, Reply | None]:
        reply = yield self.request("initialize", initialize_params(self._version, self._capabilities))
        if reply.outcome == outcome.OK:
            body = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
            yield Request("notifications/initialized", body, self._headers, None, names_session=True)
        return reply

    def closing(self) -> Generator[Request, Reply, Reply | None]:
        yield from ()
        return None

    def listening(self) -> None:
        """Return None: there is no separate stream."""

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Request:
        params = b'{"name":%b,"arguments":%b}' % (encode(tool), encode(arguments))
        return self._request(f"tools/call:{tool}", "tools/call", params)

    def request(self, method: str, params: Mapping[str, Any], operation: str = "") -> Request:
        return self._request(operation or method, method, encode(params))

    def _request(self, operation: str, method: str, params: bytes) -> Request:
        number = next(self.ids)
        return Request(operation, rpc(number, method, params), self._headers, number, names_session=True)
