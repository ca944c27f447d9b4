"""Find out which dialect a server speaks, once per run and not once per user.

    server/discover in the modern form -> 200 that lists 2026-07-28 -> 2026-07-28
    -32022 that offers 2026-07-28      -> once more
    any other answer                   -> initialize, and the version that is agreed on; where an offer brings an
                                          error instead of another offer, the next older version
    no session either                  -> tools/list in the modern form (server/discover is optional) -> 2026-07-28

If POST is refused (404, 405), the server may speak HTTP+SSE; the transport has to find that out.
A connection failure says nothing about the dialect: it ends the search with the reply that failed.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import msgspec

from harness.mcp import outcome
from harness.mcp.dialects import Session
from harness.mcp.dialects.handshake import HANDSHAKE_VERSIONS, HandshakeSession
from harness.mcp.dialects.modern import MODERN_VERSION, ModernSession
from harness.mcp.json_object import JsonObject
from harness.mcp.messages import Reply, Request

PAGES_MAX = 50
TOOLS_MAX, TOOLS_BYTES_MAX = 10_000, 16_000_000  # of all pages together
NOT_POSTED_HERE = frozenset({404, 405})  # how an HTTP+SSE server answers a POST to the URL of its stream
UNSUPPORTED_VERSION = -32022
SERVER_INFO = "io.modelcontextprotocol/serverInfo"
# Ended streams are not in this list: some servers end a stream when they do not know a method.
NO_VERDICT = outcome.CONNECTION_FAILURES - {outcome.STREAM_ENDED}


@dataclass(frozen=True, slots=True)
class DiscoveredDialect:
    """The dialect, and how the server introduced itself; without a protocol, the reply that decided."""

    protocol: str | None
    server_name: str | None
    server_version: str | None
    reply: Reply


Search = Generator[Request, Reply, DiscoveredDialect]


def discover() -> Search:
    """Find the dialect of a server. A generator: yields requests, is sent their replies."""
    modern = ModernSession()
    dialect = yield from look(modern)
    if dialect.protocol is not None or dialect.reply.outcome in NO_VERDICT:
        return dialect
    for version in HANDSHAKE_VERSIONS:
        agreed = yield from introduce(HandshakeSession(version))
        if agreed.protocol is not None or agreed.reply.outcome in NO_VERDICT:
            return agreed
        if agreed.reply.outcome != outcome.RPC_ERROR:
            break
    listed = yield modern.request("tools/list", {})
    if listed.outcome == outcome.OK:
        return _found(MODERN_VERSION, _member(listed.mapping(), "_meta").get(SERVER_INFO), listed)
    return agreed


def look(modern: ModernSession) -> Search:
    """Ask a server of 2026-07-28 to introduce itself."""
    reply = yield modern.request("server/discover", {})
    if reply.code == UNSUPPORTED_VERSION and MODERN_VERSION in _offered(reply):
        reply = yield modern.request("server/discover", {})
    result = reply.mapping() if reply.outcome == outcome.OK else {}
    versions = result.get("supportedVersions")
    if isinstance(versions, list) and MODERN_VERSION in versions:
        return _found(MODERN_VERSION, _member(result, "_meta").get(SERVER_INFO), reply)
    return DiscoveredDialect(None, None, None, reply)


def _offered(reply: Reply) -> list[Any]:
    """The versions a server names that refused ours: some do that once before they look."""
    supported = reply.error_data().get("supported")
    return supported if isinstance(supported, list) else []


def introduce(session: HandshakeSession) -> Search:
    """Open a session of the handshake versions, learn who it is, close it."""
    opening = session.opening()
    request = next(opening)
    replies: list[Reply] = []
    try:
        while True:
            replies.append((yield request))
            request = opening.send(replies[-1])
    except StopIteration as ended:
        decided: Reply = ended.value
    yield from session.closing()
    if decided.outcome != outcome.OK:
        return DiscoveredDialect(None, None, None, decided)
    return _found(session.version, replies[0].mapping().get("serverInfo"), decided)


def introduced(initialized: Reply, protocol: str) -> DiscoveredDialect:
    """The dialect, with the server name and version from the answer to an `initialize`."""
    return _found(protocol, initialized.mapping().get("serverInfo"), initialized)


def list_tools(session: Session) -> Generator[Request, Reply, list[JsonObject] | Reply]:
    """All pages of tools/list (at most fifty), or the reply that failed; a repeated page fails, too."""
    tools: list[JsonObject] = []
    params: JsonObject = {}
    asked: set[object] = set()
    left = TOOLS_BYTES_MAX
    for _ in range(PAGES_MAX):
        reply = yield session.request("tools/list", params)
        if reply.outcome != outcome.OK:
            return reply
        left -= memoryview(reply.result).nbytes if reply.result is not None else 0
        result = reply.mapping(TOOLS_BYTES_MAX) if left >= 0 else {}
        page = result.get("tools")
        if left < 0 or (isinstance(page, list) and len(tools) + len(page) > TOOLS_MAX):
            return _no_list(reply, "tools of more than 16 MB, or more than 10,000")
        if not isinstance(page, list):
            return _no_list(reply, "no list of tools")
        tools += [tool for tool in page if isinstance(tool, dict) and isinstance(tool.get("name"), str)]
        cursor = result.get("nextCursor")
        if not cursor:
            return tools
        if not isinstance(cursor, str) or cursor in asked:
            return _no_list(reply, "a cursor that was there before, or is no text")
        asked.add(cursor)
        params = {"cursor": cursor}
    return tools


def _no_list(reply: Reply, why: str) -> Reply:
    return msgspec.structs.replace(reply, outcome=outcome.BAD_BODY, detail=why, result=None)


def _found(protocol: str, info: Any, reply: Reply) -> DiscoveredDialect:
    info = info if isinstance(info, dict) else {}
    return DiscoveredDialect(protocol, _text(info.get("name")), _text(info.get("version")), reply)


def _member(mapping: JsonObject, name: str) -> JsonObject:
    value = mapping.get(name)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return str(value)[:200] if value is not None else None
