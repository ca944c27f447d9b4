"""Check the server before the load: does it answer, is it MCP, which dialect, name, version and tools has it?

If no server answers within the deadline, that is the target's fault (exit 4). If something answers that is
not MCP, the address is wrong (exit 2).
"""

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace

from harness.client.auth import refusal
from harness.client.auth.refusal import UnauthorizedError
from harness.client.http import HttpClient, http_client
from harness.client.socket import SocketClient, socket_client
from harness.client.stdio import StdioClient, stdio_client
from harness.client.stream import StreamClient, stream_client
from harness.foundation.addresses import connect_errors, route
from harness.foundation.clock import within
from harness.foundation.errors import TargetUnreachableError, UsageError
from harness.foundation.secrets import redact
from harness.mcp import outcome, stdio_address
from harness.mcp.dialects import new_session
from harness.mcp.dialects.handshake import HANDSHAKE_VERSIONS, HandshakeSession
from harness.mcp.dialects.modern import MODERN_VERSION, ModernSession
from harness.mcp.discover import (
    NOT_POSTED_HERE,
    DiscoveredDialect,
    discover,
    introduce,
    introduced,
    list_tools,
    look,
)
from harness.mcp.json_object import JsonObject
from harness.mcp.messages import Reply, Request
from harness.mcp.mirrored import sort_out
from harness.mcp.versions import HTTP2_ONLY, offers_http3

NOT_THERE = outcome.CONNECTION_FAILURES - {
    outcome.HTTP_PROTOCOL
}  # a server answers, but not in this protocol
CLOSES = frozenset({outcome.RESET, outcome.DISCONNECTED})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


@dataclass(frozen=True, slots=True)
class Discovered:
    """The server's description of itself; `tools` is None for a dialect that cannot list them."""

    protocol: str
    server_name: str | None
    server_version: str | None
    tools: list[JsonObject] | None
    mirrored: dict[str, dict[str, list[str]]] = field(
        default_factory=dict
    )  # by tool, see harness.mcp.mirrored
    refused: dict[str, str] = field(default_factory=dict)  # tools that must not be called, and why
    offers_http3: bool = False  # beside HTTP/1.1, which is spoken
    rss_bytes: int | None = None  # of a server that was started for this, with all that it has started


async def preflight(
    url: str, protocol: str, *, headers: Mapping[str, str] | None = None, timeout_s: float = 5.0
) -> Discovered:
    """Return the dialect (searched for when it is `auto`), the server's name and version, and its tools."""
    headers = headers or {}
    check_headers(headers)
    try:
        async with within(timeout_s):  # one deadline for all exchanges together
            return await _look(url, protocol, headers, timeout_s)
    except UnauthorizedError as refused:
        raise await refusal.explained(url, refused, headers, timeout_s) from None
    except TimeoutError:
        raise not_there(url, Reply(outcome.TIMEOUT, f"no answer in {timeout_s:g} s")) from None


async def _look(url: str, protocol: str, headers: Mapping[str, str], timeout_s: float) -> Discovered:
    if argv := stdio_address.command(url):
        return await _over_stdio(url, argv, protocol, timeout_s)
    if protocol == "websocket":
        async with socket_client(url, timeout_s, headers) as socket:
            if isinstance(socket, Reply):
                raise not_there(url, socket)
            return await _over_connection(url, socket, "websocket")
    if protocol == "sse":
        try:
            return await _over_stream(url, timeout_s, headers, None)
        except (TargetUnreachableError, UsageError) as error:
            raise await _spoken_instead(url, timeout_s, headers) or error from error
    async with http_client(url, timeout_s, headers) as client:
        if protocol == "plain":
            return await _plain(url, client)
        dialect = await client.run(search(protocol))
        if protocol == "auto" and dialect.protocol is None and dialect.reply.status in NOT_POSTED_HERE:
            return await _over_stream(url, timeout_s, headers, dialect.reply)
        return await _over_http(url, client, dialect)


async def _over_stdio(url: str, argv: list[str], protocol: str, timeout_s: float) -> Discovered:
    """Discover a server that is started for it.

    The sessions of a run begin with `initialize` or with nothing, and so does this one: the search has a process of
    its own, because some servers leave when something else comes first.
    """
    async with stdio_client(argv, timeout_s) as client:
        dialect = await client.run(search(protocol))
    if protocol == "auto" and dialect.protocol is None and dialect.reply.outcome in NOT_THERE:
        async with stdio_client(argv, timeout_s) as client:
            dialect = await client.run(search(HANDSHAKE_VERSIONS[0]))
    if dialect.protocol is None:
        raise not_there(url, dialect.reply)
    async with stdio_client(argv, timeout_s) as client:
        return replace(await _over_http(url, client, dialect), rss_bytes=client.rss_bytes())


async def _over_http(url: str, client: HttpClient | StdioClient, dialect: DiscoveredDialect) -> Discovered:
    if dialect.protocol is None:
        raise not_there(url, dialect.reply)
    session = new_session(dialect.protocol)
    opened = await client.run(session.opening())
    tools: list[JsonObject] | Reply
    if opened is not None and opened.outcome != outcome.OK:
        tools = opened
    else:
        tools = await client.run(list_tools(session))
    http3 = isinstance(client, HttpClient) and offers_http3(client.alt_svc)
    await client.run(session.closing())
    if isinstance(tools, Reply):
        raise not_there(url, tools)
    found = Discovered(
        dialect.protocol, dialect.server_name, dialect.server_version, tools, offers_http3=http3
    )
    if dialect.protocol != MODERN_VERSION:
        return found
    callable_tools, mirrored, refused = sort_out(tools)
    return replace(found, tools=callable_tools, mirrored=mirrored, refused=refused)


def search(protocol: str) -> Generator[Request, Reply, DiscoveredDialect]:
    """The server's introduction in the requested dialect, or in the one that the search finds."""
    if protocol == "auto":
        return (yield from discover())
    if protocol != MODERN_VERSION:
        return (yield from introduce(HandshakeSession(protocol)))
    dialect = yield from look(ModernSession())
    if dialect.protocol is None and dialect.reply.outcome not in NOT_THERE:
        return DiscoveredDialect(MODERN_VERSION, None, None, dialect.reply)  # server/discover is optional
    return dialect


async def _spoken_instead(url: str, timeout_s: float, headers: Mapping[str, str]) -> UsageError | None:
    """The error for a server without HTTP+SSE that speaks Streamable HTTP; None if it does not, either."""
    async with http_client(url, timeout_s, headers) as client:
        discovered = await client.run(search("auto"))
    if discovered.protocol is None:
        return None
    return UsageError(
        f"The server at {redact.url(url)} does not speak HTTP+SSE",
        f"It speaks {discovered.protocol} over Streamable HTTP",
        "Leave out --protocol sse: the protocol is found out",
    )


async def _over_stream(
    url: str, timeout_s: float, headers: Mapping[str, str], refused: Reply | None
) -> Discovered:
    """Discover a server over HTTP+SSE; `refused` is its reply to an earlier POST."""
    async with stream_client(url, timeout_s, headers) as stream:
        if isinstance(stream, Reply):
            raise not_there(url, refused or stream)
        return await _over_connection(url, stream, "sse")


async def _over_connection(url: str, carrier: SocketClient | StreamClient, protocol: str) -> Discovered:
    """Discover a server over a transport whose connection is the session."""
    session = new_session(protocol)
    opened = await carrier.run(session.opening())
    if opened is None or opened.outcome != outcome.OK:
        raise not_there(url, opened or Reply(outcome.DISCONNECTED))
    introduction = introduced(opened, protocol)
    tools = await carrier.run(list_tools(session))
    shown = None if isinstance(tools, Reply) else tools
    return Discovered(protocol, introduction.server_name, introduction.server_version, shown)


async def _plain(url: str, client: HttpClient) -> Discovered:
    """Discover a plain JSON-RPC server by any JSON-RPC reply, even an error: it has no introduction."""
    reply = await client.exchange(new_session("plain").request("tools/list", {}))
    if reply.outcome not in {outcome.OK, outcome.RPC_ERROR}:
        raise not_there(url, reply)
    return Discovered("plain", None, None, None)


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise a UsageError unless these headers can be sent."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise UsageError(
                f"The header {name!r} cannot be sent",
                "A name is one word, a value one line of Latin letters, digits and signs",
                "Check --header or the scenario's target.headers",
            )


def not_there(url: str, reply: Reply) -> TargetUnreachableError | UsageError:
    """The error when no MCP server answers: no server there (exit 4), or a wrong address (exit 2)."""
    shown = redact.url(url)
    why = f"{reply.outcome}: {reply.detail}" if reply.detail else reply.outcome
    if stdio_address.command(url):
        return TargetUnreachableError(
            f"The server {shown.removeprefix(stdio_address.PREFIX)} does not answer on its standard output",
            why,
            "Run the command by hand: it must speak MCP over stdio. A server with a URL is given with --url",
        )
    if reply.outcome in NOT_THERE:
        todo = "Start it, or check the address; without --url one is started"
        if url.startswith(("https:", "wss:")) and reply.outcome in CLOSES and not route.current().tls.cert:
            todo = "It closes the connection after the TLS handshake: it may ask for a client's certificate (--cert FILE --key FILE)"
        if connect_errors.is_trust(reply.detail):
            return TargetUnreachableError(
                f"The target at {shown} cannot be trusted",
                why,
                f"If it is yours, {connect_errors.TRUST} (docs/auth.md)",
            )
        return TargetUnreachableError(
            f"The target at {shown} is not there", why, connect_errors.todo(reply.detail) or todo
        )
    if reply.outcome == outcome.UNAUTHORIZED:
        return refusal.error(url, reply)
    todo = "Check the path (often /mcp), the headers (--header) and --protocol"
    if reply.outcome == outcome.HTTP_PROTOCOL:
        todo = "Check the port, and whether it is https"
    if reply.detail == HTTP2_ONLY:
        todo = "Let it, or a gateway in front of it, speak HTTP/1.1 as well; docs/protocols.md says what is spoken"
    return UsageError(f"The server at {shown} does not speak MCP as requested", why, todo)
