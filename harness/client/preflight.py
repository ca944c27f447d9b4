"""Look before loading: is it there, is it MCP, what does it speak, who is it, what tools has it?

Nothing there is the target's fault (exit 4), within the deadline that is given; something there that is not
MCP is a mistake in the address (exit 2).
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.client.http import HttpClient, http_client
from harness.client.socket import SocketClient, socket_client
from harness.errors import TargetUnreachableError, UsageError
from harness.mcp import outcome
from harness.mcp.dialects import Session, new_session
from harness.mcp.dialects.handshake import HandshakeSession
from harness.mcp.dialects.modern import MODERN_VERSION
from harness.mcp.discover import Found, discover, introduce
from harness.mcp.messages import Reply, Request
from harness.record import redact

PAGES_MAX = 50
NOT_THERE = outcome.CONNECTION_FAILURES


@dataclass(frozen=True, slots=True)
class Discovered:
    """What a server said of itself; `tools` is None where it cannot be asked."""

    protocol: str
    server_name: str | None
    server_version: str | None
    tools: list[dict[str, Any]] | None


async def preflight(
    url: str, protocol: str, *, headers: Mapping[str, str] | None = None, timeout_s: float = 5.0
) -> Discovered:
    """The dialect (found, when it is `auto`), the introduction, the tools."""
    if protocol == "websocket":
        async with socket_client(url, timeout_s, headers or {}) as socket:
            if isinstance(socket, Reply):
                raise _not_there(url, socket)
            return await _over_socket(url, socket)
    async with http_client(url, timeout_s, headers or {}) as client:
        if protocol == "plain":
            return await _plain(url, client)
        return await _over_http(url, client, protocol)


async def _over_http(url: str, client: HttpClient, protocol: str) -> Discovered:
    if protocol == "auto":
        found = await client.run(discover())
    elif protocol == MODERN_VERSION:
        found = Found(MODERN_VERSION, None, None, Reply(outcome.OK))
    else:
        found = await client.run(introduce(HandshakeSession(protocol)))
    if found.protocol is None:
        raise _not_there(url, found.reply)
    session = new_session(found.protocol)
    opened = await client.run(session.opening())
    if opened is not None and opened.outcome != outcome.OK:
        raise _not_there(url, opened)
    try:
        tools = await client.run(list_tools(session), session=session.session_id is not None)
    finally:
        await client.run(session.closing())
    if isinstance(tools, Reply):
        raise _not_there(url, tools)
    return Discovered(found.protocol, found.server_name, found.server_version, tools)


async def _over_socket(url: str, socket: SocketClient) -> Discovered:
    session = new_session("websocket")
    opened = await socket.run(session.opening())
    if opened is None or opened.outcome != outcome.OK:
        raise _not_there(url, opened or Reply(outcome.DISCONNECTED))
    info = (opened.value() or {}).get("serverInfo") or {}
    tools = await socket.run(list_tools(session))
    return Discovered(
        "websocket", info.get("name"), info.get("version"), None if isinstance(tools, Reply) else tools
    )


async def _plain(url: str, client: HttpClient) -> Discovered:
    """Plain JSON-RPC has no introduction: any JSON-RPC answer will do, an error too."""
    reply = await client.exchange(new_session("plain").request("tools/list", {}))
    if reply.outcome not in {outcome.OK, outcome.RPC_ERROR}:
        raise _not_there(url, reply)
    return Discovered("plain", None, None, None)


def list_tools(session: Session) -> Generator[Request, Reply, list[dict[str, Any]] | Reply]:
    """All pages of tools/list, or the reply that failed."""
    tools: list[dict[str, Any]] = []
    params: dict[str, Any] = {}
    for _ in range(PAGES_MAX):
        reply = yield session.request("tools/list", params)
        result = reply.value() if reply.outcome == outcome.OK else None
        if not isinstance(result, dict):
            return replace(reply, outcome=outcome.BAD_BODY) if reply.outcome == outcome.OK else reply
        tools += [tool for tool in result.get("tools") or () if isinstance(tool, dict) and "name" in tool]
        if not result.get("nextCursor"):
            break
        params = {"cursor": result["nextCursor"]}
    return tools


def _not_there(url: str, reply: Reply) -> TargetUnreachableError | UsageError:
    shown = redact.url(url)
    why = f"{reply.outcome}: {reply.detail}" if reply.detail else reply.outcome
    if reply.outcome in NOT_THERE:
        return TargetUnreachableError(
            f"The target at {shown} is not there",
            why,
            "Start it, or check the address; without --url one is started",
        )
    todo = "Check the path (often /mcp), the headers (--header) and --protocol"
    return UsageError(f"What answers at {shown} does not speak MCP as asked", why, todo)
