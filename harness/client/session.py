"""One open session with one server, for single calls: canaries, verification, inspection by hand.

    async with connected("http://127.0.0.1:8000/mcp") as client:
        reply = await client.call("echo", {"message": "hi"})

The outcome of a call is in its reply, as in a run. Only a session that cannot be opened raises an error.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from harness.client.http import HttpClient, http_client
from harness.client.preflight import check_headers, not_there, preflight
from harness.client.socket import SocketClient, socket_client
from harness.client.stdio import StdioClient, stdio_client
from harness.client.stream import StreamClient, listening, stream_client
from harness.mcp import outcome, stdio_address
from harness.mcp.dialects import Session, new_session
from harness.mcp.input_rounds import CAPABILITY_OF, ROUNDS_MAX, given
from harness.mcp.json_object import JsonObject
from harness.mcp.messages import NO_ANSWERS, Answers, Reply
from harness.mcp.mirrored import Mirrored
from harness.mcp.traits import Traits

Carrier = HttpClient | SocketClient | StreamClient | StdioClient


@dataclass(slots=True)
class Client:
    """An open MCP session of one client."""

    protocol: str
    _session: Session = field(repr=False)
    _carrier: Carrier = field(repr=False)
    _answers: Answers = field(default_factory=dict, repr=False)

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Reply:
        """Call a tool once. If it asks for input and `answers` has it, answer and return the final reply."""
        reply = await self._carrier.exchange(self._session.call(tool, arguments))
        for _ in range(ROUNDS_MAX if self._answers else 0):
            more = given(reply, self._answers)
            if more is None:
                break
            params = {"name": tool, "arguments": arguments} | more
            reply = await self.request("tools/call", params, f"tools/call:{tool}")
        return reply

    async def request(self, method: str, params: Mapping[str, Any], operation: str = "") -> Reply:
        """Send any other request: ping, resources/read, ..."""
        return await self._carrier.exchange(self._session.request(method, params, operation))


@asynccontextmanager
async def connected(
    url: str,
    protocol: str = "auto",
    *,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 5.0,
    answers: Answers = NO_ANSWERS,
    mirrored: Mapping[str, Mirrored] | None = None,
    listen: bool = False,
    close: bool = True,
) -> AsyncIterator[Client]:
    """Open a session and close it with the block; the dialect is detected when it is `auto`.

    `answers` says what this client can do for a server, `mirrored` what of a tool's arguments goes into headers
    (`preflight` learns it); `listen` opens the stream of what a server says outside of calls. Without `close` the client
    vanishes: its connections are closed, and the server is not told that the session is over.
    """
    headers = headers or {}
    check_headers(headers)
    capabilities: JsonObject = {CAPABILITY_OF[method]: {} for method in answers if method in CAPABILITY_OF}
    async with AsyncExitStack() as stack:
        carrier: Carrier | Reply
        if protocol == "auto":
            discovered = await preflight(url, protocol, headers=headers, timeout_s=timeout_s)
            protocol, mirrored = discovered.protocol, discovered.mirrored if mirrored is None else mirrored
        if argv := stdio_address.command(url):
            carrier = await stack.enter_async_context(stdio_client(argv, timeout_s, answers))
        elif protocol == "websocket":
            carrier = await stack.enter_async_context(socket_client(url, timeout_s, headers))
        elif protocol == "sse":
            carrier = await stack.enter_async_context(stream_client(url, timeout_s, headers, answers))
        else:
            carrier = await stack.enter_async_context(http_client(url, timeout_s, headers, answers))
        if isinstance(carrier, Reply):
            raise not_there(url, carrier)
        session = new_session(protocol, Traits(capabilities, mirrored or {}))
        opened = await carrier.run(session.opening())
        if close:
            stack.push_async_callback(carrier.run, session.closing())
        if opened is not None and opened.outcome != outcome.OK:
            raise not_there(url, opened)
        if listen and isinstance(carrier, HttpClient):
            await stack.enter_async_context(listening(carrier, session.listening()))
        yield Client(protocol, session, carrier, answers)
