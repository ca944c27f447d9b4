"""Which dialect a server speaks: asked once a run, never once a user.

    server/discover in the modern form -> 200 that lists 2026-07-28, or an error that does (-32022) -> 2026-07-28
    any other answer                   -> initialize, and the version that is agreed on

Failures of the connection say nothing about a dialect: they end the search with the reply that failed.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from harness.mcp import outcome
from harness.mcp.dialects.handshake import HandshakeSession
from harness.mcp.dialects.modern import MODERN_VERSION, ModernSession
from harness.mcp.messages import Reply, Request

SERVER_INFO = "io.modelcontextprotocol/serverInfo"
UNSUPPORTED_VERSION = -32022


@dataclass(frozen=True, slots=True)
class Found:
    """The dialect, and how the server introduced itself; without a protocol, the reply that decided."""

    protocol: str | None
    server_name: str | None
    server_version: str | None
    reply: Reply


def discover() -> Generator[Request, Reply, Found]:
    """Yields requests, is sent their replies."""
    reply = yield ModernSession().request("server/discover", {})
    if reply.outcome in outcome.CONNECTION_FAILURES:
        return Found(None, None, None, reply)
    result = reply.value() if reply.outcome == outcome.OK else None
    if isinstance(result, dict) and MODERN_VERSION in (result.get("supportedVersions") or ()):
        return _found(MODERN_VERSION, (result.get("_meta") or {}).get(SERVER_INFO), reply)
    if reply.code == UNSUPPORTED_VERSION and MODERN_VERSION in reply.detail:
        return Found(MODERN_VERSION, None, None, reply)
    return (yield from introduce(HandshakeSession()))


def introduce(session: HandshakeSession) -> Generator[Request, Reply, Found]:
    """Open a session of the handshake versions, learn who it is, close it."""
    opening = session.opening()
    request = next(opening)
    first: Reply | None = None
    while True:
        reply = yield request
        first = first or reply
        try:
            request = opening.send(reply)
        except StopIteration as ended:
            decided = ended.value
            break
    result = first.value() if first.outcome == outcome.OK else None
    if decided is None or decided.outcome != outcome.OK or not isinstance(result, dict):
        return Found(None, None, None, decided or first)
    yield from session.closing()
    return _found(str(result.get("protocolVersion", session.version)), result.get("serverInfo"), first)


def _found(protocol: str, info: Any, reply: Reply) -> Found:
    info = info if isinstance(info, dict) else {}
    return Found(protocol, _text(info.get("name")), _text(info.get("version")), reply)


def _text(value: object) -> str | None:
    return str(value)[:200] if value is not None else None
