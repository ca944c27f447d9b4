"""Streamable HTTP of the handshake versions: a session is opened, used and closed.

initialize -> the version that the server offers (one of these four), and its session id if it gives one
notifications/initialized -> 202
calls, one POST each -> JSON or a stream of events
a GET, if asked for -> the stream of what the server says outside of calls
DELETE at the end, if there is a session id; 405 means that the server keeps no sessions
"""

from collections.abc import Generator, Iterator, Mapping
from itertools import count
from typing import Any

import msgspec

from harness.mcp import outcome
from harness.mcp.json_object import JsonObject
from harness.mcp.messages import CLIENT_INFO, Headers, Reply, Request, encode, rpc
from harness.mcp.traits import NO_TRAITS, Traits

HANDSHAKE_VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
HEADERS: Headers = (("Accept", "application/json, text/event-stream"), ("Content-Type", "application/json"))
NOT_OF_ANSWERS = {"Accept", "Content-Type", "Last-Event-ID"}
LISTENING: Headers = (("Accept", "text/event-stream"),)


def answering(headers: Headers) -> Headers:
    """The headers of an answer to a question that came on the stream of a request with these headers."""
    return (*HEADERS, *(line for line in headers if line[0] not in NOT_OF_ANSWERS))


def initialize_params(version: str, capabilities: Mapping[str, Any]) -> JsonObject:
    """The parameters of `initialize`."""
    return {"protocolVersion": version, "capabilities": capabilities, "clientInfo": CLIENT_INFO}


class HandshakeSession:
    """One client's session with one server."""

    def __init__(self, version: str = HANDSHAKE_VERSIONS[0], traits: Traits = NO_TRAITS) -> None:
        self._offered = version
        self._capabilities = traits.capabilities
        self.version = version  # the one agreed on, once it is
        self.session_id: str | None = None
        self.ids: Iterator[int] = count(1)
        self._headers = HEADERS
        self._agreed = False

    def opening(self) -> Generator[Request, Reply, Reply | None]:
        """Open the session; returns the reply that decided: the first failure, or the last reply."""
        self.session_id, self._headers, self._agreed = None, HEADERS, False
        params = initialize_params(self._offered, self._capabilities)
        reply = yield self._request("initialize", "initialize", encode(params))
        if reply.outcome != outcome.OK:
            return reply
        agreed = reply.mapping().get("protocolVersion")
        if agreed not in HANDSHAKE_VERSIONS:
            return msgspec.structs.replace(reply, outcome=outcome.BAD_BODY, detail="no version to agree on")
        self.version = agreed
        self.session_id = reply.session_id
        named: Headers = (("Mcp-Session-Id", self.session_id),) if self.session_id else ()
        self._headers = (*HEADERS, *named, ("MCP-Protocol-Version", agreed))
        self._agreed = True
        body = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
        acknowledged = yield self._bare("notifications/initialized", body)
        return reply if acknowledged.outcome == outcome.OK else acknowledged

    def closing(self) -> Generator[Request, Reply, Reply | None]:
        if self.session_id is None:
            return None
        reply = yield self._bare("session/delete", method="DELETE")
        self.session_id = None
        return reply

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Request:
        params = b'{"name":%b,"arguments":%b}' % (encode(tool), encode(arguments))
        return self._request(f"tools/call:{tool}", "tools/call", params)

    def request(self, method: str, params: Mapping[str, Any], operation: str = "") -> Request:
        return self._request(operation or method, method, encode(params))

    def _request(self, operation: str, method: str, params: bytes) -> Request:
        number = next(self.ids)
        return Request(
            operation,
            rpc(number, method, params),
            self._headers,
            number,
            in_session=self._agreed,
            names_session=self.session_id is not None,
        )

    def listening(self) -> Request | None:
        """The GET for the stream of messages outside of calls; a server without one answers 405."""
        return self._bare("session/listen", method="GET")

    def _bare(self, operation: str, body: bytes = b"", method: str = "POST") -> Request:
        """A request without an id: the server answers with a status only."""
        headers = LISTENING + self._headers[len(HEADERS) :] if method == "GET" else self._headers
        named = self.session_id is not None
        return Request(operation, body, headers, None, method, in_session=True, names_session=named)
