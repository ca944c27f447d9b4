"""The doors of a deployment, by which a client may come in, and whether it offers them.

    2026-07-28, 2025-11-25, ...   POST to the endpoint, in that version of the protocol
    sse                           the stream of HTTP+SSE beside it, /sse
    websocket                     /mcp/ws
    plain                         /mcp/tools/call, JSON-RPC without a handshake

A server over stdio has the versions alone; each look, and each session, is a process of its own.

A door is offered when it answers as such. That it is not there is for the deployment to decide: checks of it are skipped, with what was
answered. A door that was opened half, or that never answers, is broken.
"""

from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from harness.client.http import HttpClient, http_client
from harness.client.preflight import NOT_THERE
from harness.client.socket import socket_client
from harness.client.stdio import StdioClient, stdio_client
from harness.client.stream import stream_client
from harness.load.address import PLAIN_DOOR, credentials, doors
from harness.mcp import outcome, stdio_address
from harness.mcp.dialects.handshake import HANDSHAKE_VERSIONS, HandshakeSession
from harness.mcp.dialects.modern import MODERN_VERSION, ModernSession
from harness.mcp.dialects.plain import PlainSession
from harness.mcp.discover import look
from harness.mcp.messages import Reply

DOORS: Final = (MODERN_VERSION, *HANDSHAKE_VERSIONS, "sse", "websocket", "plain")
BESIDE_S: Final = 5.0  # for a stream that may be anything


@dataclass(frozen=True, slots=True)
class Places:
    """The addresses of one deployment, without credentials."""

    base: str
    mcp: str
    sse: str
    websocket: str
    plain: str

    def of(self, door: str) -> str:
        """Where a client of that door connects to."""
        return {"sse": self.sse, "websocket": self.websocket, "plain": self.plain}.get(door, self.mcp)


@dataclass(frozen=True, slots=True)
class Door:
    """What became of a look at it."""

    name: str
    offered: bool
    broken: bool = False
    why: str = ""
    server: tuple[str | None, str | None] = (None, None)  # name, version
    session_id: bool = False  # it gave one


def places(url: str) -> tuple[Places, dict[str, str]]:
    """Of a URL, and the header that its user and password come to."""
    if stdio_address.command(url):
        return Places(url, url, url, url, url), {}
    urls = doors(url)
    endpoint = urlsplit(urls.mcp_url)
    path = endpoint.path.rstrip("/")
    parent = path.rpartition("/")[0]
    sse = urlunsplit(endpoint._replace(path=f"{parent}/sse"))
    plain = urlunsplit(endpoint._replace(path=path + PLAIN_DOOR.removeprefix("/mcp")))
    return Places(urls.base_url, urls.mcp_url, sse, urls.ws_url, plain), credentials(url)


async def looked_at(door: str, at: Places, headers: dict[str, str], timeout_s: float) -> Door:
    """One door, tried."""
    if argv := stdio_address.command(at.mcp):
        return await _over_stdio(door, argv, timeout_s)
    if door == "sse":
        return await _sse(at, headers, min(timeout_s, BESIDE_S))
    if door == "websocket":
        return await _websocket(at, headers, min(timeout_s, BESIDE_S))
    async with http_client(at.of(door), timeout_s, headers) as client:
        if door == "plain":
            return await _plain(client)
        return await (_modern(client) if door == MODERN_VERSION else _handshake(door, client))


async def _over_stdio(door: str, argv: list[str], timeout_s: float) -> Door:
    """A version, spoken to a process that is started for this look; a server may leave when it is asked for one that it does not know."""
    if door in {"sse", "websocket", "plain"}:
        return Door(door, False, why="it speaks over its standard input and output")
    async with stdio_client(argv, timeout_s) as client:
        looked_at = await (_modern(client) if door == MODERN_VERSION else _handshake(door, client))
    return replace(looked_at, broken=looked_at.offered and looked_at.broken)


async def _modern(client: HttpClient | StdioClient) -> Door:
    discovered = await client.run(look(ModernSession()))
    if discovered.protocol is not None:
        return Door(MODERN_VERSION, True, server=(discovered.server_name, discovered.server_version))
    reply = discovered.reply
    return Door(MODERN_VERSION, False, _is_broken(reply), f"server/discover ended with {said(reply)}")


async def _handshake(version: str, client: HttpClient | StdioClient) -> Door:
    session = HandshakeSession(version)
    opening = session.opening()
    first = await client.exchange(next(opening))
    if first.outcome != outcome.OK:
        refused = first.status is not None and first.status < 500
        return Door(version, False, not refused, f"initialize ended with {said(first)}")
    agreed = first.mapping().get("protocolVersion")
    info = first.mapping().get("serverInfo")
    named = info if isinstance(info, dict) else {}
    server = (_text(named.get("name")), _text(named.get("version")))
    try:
        request = opening.send(first)
        while True:
            request = opening.send(await client.exchange(request))
    except StopIteration as ended:
        opened: Reply = ended.value
    has_session = session.session_id is not None
    await client.run(session.closing())
    if agreed != version:
        return Door(version, False, False, f"it offers {_text(agreed)} instead", server)
    why = "" if opened.outcome == outcome.OK else f"after initialize came {said(opened)}"
    return Door(version, True, bool(why), why, server, has_session)


async def _sse(at: Places, headers: dict[str, str], timeout_s: float) -> Door:
    async with stream_client(at.sse, timeout_s, headers) as stream:
        if isinstance(stream, Reply):
            return Door("sse", False, False, f"GET {urlsplit(at.sse).path} ended with {said(stream)}")
    return Door("sse", True)


async def _websocket(at: Places, headers: dict[str, str], timeout_s: float) -> Door:
    async with socket_client(at.websocket, timeout_s, headers) as socket:
        if isinstance(socket, Reply):
            return Door("websocket", False, False, f"opening it ended with {said(socket)}")
    return Door("websocket", True)


async def _plain(client: HttpClient) -> Door:
    """Anything that is JSON-RPC may be it: only a call of a tool can tell (`harness.verify.checks.test_p1_tools`)."""
    reply = await client.exchange(PlainSession().request("tools/list", {}))
    there = reply.outcome in {outcome.OK, outcome.RPC_ERROR} and (reply.status or 500) < 500
    return Door("plain", there, False, "" if there else f"POST ended with {said(reply)}")


def _is_broken(reply: Reply) -> bool:
    """A server that never answers, or is gone in the middle of it."""
    return reply.outcome in NOT_THERE - {outcome.STREAM_ENDED}


def said(reply: Reply) -> str:
    """What came of an exchange, in words."""
    status = f"HTTP {reply.status}" if reply.status is not None else ""
    code = f"error {reply.code}" if reply.code is not None else ""
    detail = reply.detail if reply.detail != str(reply.status) else ""
    more = ", ".join(part for part in (status, code) if part)
    summary = f"{reply.outcome} ({more})" if more else reply.outcome
    return f"{summary}: {detail}" if detail else summary


def _text(value: object) -> str | None:
    return None if value is None else str(value)[:200]
