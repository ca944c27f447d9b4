"""One open session with one server, for single calls: canaries, verification, a look by hand.

    async with connected("http://127.0.0.1:8000/mcp") as client:
        reply = await client.call("echo", {"message": "hi"})

What a call came to is in its reply, as in a run; only a session that cannot be opened is an error.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from harness.client.http import HttpClient, http_client
from harness.client.preflight import check_headers, not_there, search
from harness.client.socket import SocketClient, socket_client
from harness.mcp import outcome
from harness.mcp.dialects import Session, new_session
from harness.mcp.messages import Reply


@dataclass(slots=True)
class Client:
    """What speaks for one client."""

    protocol: str
    _session: Session = field(repr=False)
    _carrier: HttpClient | SocketClient = field(repr=False)

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Reply:
        """One attempt, one outcome."""
        return await self._carrier.exchange(self._session.call(tool, arguments))

    async def request(self, method: str, params: Mapping[str, Any]) -> Reply:
        """Any other method: ping, resources/read, ..."""
        return await self._carrier.exchange(self._session.request(method, params))


@asynccontextmanager
async def connected(
    url: str, protocol: str = "auto", *, headers: Mapping[str, str] | None = None, timeout_s: float = 5.0
) -> AsyncIterator[Client]:
    """An open session, closed with the block; the dialect is found when it is `auto`."""
    headers = headers or {}
    check_headers(headers)
    if protocol == "websocket":
        async with socket_client(url, timeout_s, headers) as socket:
            if isinstance(socket, Reply):
                raise not_there(url, socket)
            async with _open(url, socket, protocol) as client:
                yield client
        return
    async with http_client(url, timeout_s, headers) as http:
        if protocol == "auto":
            found = await http.run(search(protocol))
            if found.protocol is None:
                raise not_there(url, found.reply)
            protocol = found.protocol
        async with _open(url, http, protocol) as client:
            yield client


@asynccontextmanager
async def _open(url: str, carrier: HttpClient | SocketClient, protocol: str) -> AsyncIterator[Client]:
    session = new_session(protocol)
    opened = await carrier.run(session.opening())
    try:
        if opened is not None and opened.outcome != outcome.OK:
            raise not_there(url, opened)
        yield Client(protocol, session, carrier)
    finally:
        await carrier.run(session.closing())
