"""Dialects of the protocol, one a file; the registry says which names a user may ask for.

    session = new_session("2026-07-28")
    opened = yield from session.opening()       # a generator: yields requests, is sent their replies
    request = session.call("echo", {"message": "hi"})

Sessions hold what a virtual user must remember: the session id, the version agreed on, the next id.
Opening and closing are generators, so that gevent and asyncio drive the same code.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from functools import partial
from typing import Any, Protocol

from harness.mcp.dialects.connection import ConnectionSession
from harness.mcp.dialects.handshake import HANDSHAKE_VERSIONS, HEADERS, HandshakeSession
from harness.mcp.dialects.modern import MODERN_VERSION, ModernSession
from harness.mcp.dialects.plain import PlainSession
from harness.mcp.messages import Reply, Request
from harness.mcp.traits import NO_TRAITS, Traits

Exchanges = Generator[Request, Reply, Reply | None]


class Session(Protocol):
    """The interface of a dialect, as a virtual user needs it."""

    ids: Iterator[int]  # of the next requests

    @property
    def session_id(self) -> str | None:
        """The session id, or None. While there is one, a 404 means that the session is lost."""
        ...

    def opening(self) -> Exchanges: ...
    def closing(self) -> Exchanges: ...
    def call(self, tool: str, arguments: Mapping[str, Any]) -> Request: ...
    def request(self, method: str, params: Mapping[str, Any], operation: str = "") -> Request: ...
    def listening(self) -> Request | None:
        """The GET that opens the stream of messages outside of calls; None where the dialect has none."""
        ...


DIALECTS: dict[str, Callable[[Traits], Session]] = {
    MODERN_VERSION: ModernSession,
    **{version: partial(HandshakeSession, version) for version in HANDSHAKE_VERSIONS},
    "plain": PlainSession,
    "sse": partial(ConnectionSession, "2024-11-05", HEADERS),
    "websocket": partial(ConnectionSession, HANDSHAKE_VERSIONS[0], ()),
}


def new_session(protocol: str, traits: Traits = NO_TRAITS) -> Session:
    """A session that is not open yet."""
    return DIALECTS[protocol](traits)
