"""One session that is held open: with nothing but its id, or with the stream on which its server speaks.

    session     its id, and nothing else: the connection that opened it carries others, too
    stream      the stream beside the calls (GET) as well, or that of subscriptions/listen in 2026-07-28

A version without sessions (2026-07-28) has streams only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from harness.client.sequence import drive
from harness.conduct.capacity.door import Door
from harness.conduct.capacity.open_connection import OpenConnection
from harness.mcp import outcome
from harness.mcp.dialects import Session, new_session
from harness.mcp.dialects.handshake import HANDSHAKE_VERSIONS
from harness.mcp.messages import Reply, Request
from harness.mcp.traits import Traits

KINDS: Final = ("session", "stream")
SUBSCRIBED: Final[Mapping[str, object]] = {"notifications": {"toolsListChanged": True}}
FINE: Final = Reply(outcome.OK)


def listening(session: Session) -> Request:
    """The request that opens the stream of what a server says outside of calls."""
    return session.listening() or session.request("subscriptions/listen", SUBSCRIBED)


@dataclass(slots=True)
class HeldSession:
    """An MCP session of one client, as long as somebody holds it."""

    door: Door = field(repr=False)
    session: Session = field(repr=False)
    stream: OpenConnection | None = None

    @property
    def streaming(self) -> bool:
        """Whether its stream is open, as far as its connection says."""
        stream = self.stream
        return stream is not None and stream.is_open and stream.stream is not None and not stream.stream.ended

    async def answers(self, lane: OpenConnection) -> Reply:
        """Use it once; a version without sessions has its stream only."""
        if self.door.found.protocol not in HANDSHAKE_VERSIONS:
            return FINE if self.streaming else _ended(self.stream)
        reply = await lane.exchange(self.session.request("tools/list", {}), self.door.timeout_s)
        if reply.outcome == outcome.OK and self.stream is not None and not self.streaming:
            return _ended(self.stream)
        return reply

    async def returned(self, lane: OpenConnection) -> Reply:
        """Come back after its connections ended: use the session, and open its stream again; OK when both are there."""
        if self.session.session_id is None:
            return Reply(outcome.SESSION_LOST, "there is none to come back to")
        reply = await lane.exchange(self.session.request("tools/list", {}), self.door.timeout_s)
        if reply.outcome != outcome.OK or self.stream is None:
            return reply
        self.stream = OpenConnection(self.door.url, self.door.headers)
        return await self.stream.open_stream(listening(self.session), self.door.timeout_s)

    async def close(self, lane: OpenConnection) -> Reply:
        """End it as the protocol says: its stream, and then the session."""
        self.vanish()
        last = FINE

        async def exchange(request: Request) -> Reply:
            nonlocal last
            last = await lane.exchange(request, self.door.timeout_s)
            return last

        await drive(exchange, self.session.closing())
        return last

    def vanish(self) -> None:
        """Go without a word."""
        if self.stream is not None:
            self.stream.close()


async def opened(door: Door, kind: str, lane: OpenConnection) -> tuple[HeldSession, Reply]:
    """Open a session over this connection, and its stream over one of its own; return how that went."""
    session = new_session(door.found.protocol, Traits({}, door.found.mirrored))
    held = HeldSession(door, session)
    reply = await drive(lambda request: lane.exchange(request, door.timeout_s), session.opening())
    if reply is not None and reply.outcome != outcome.OK:
        return held, reply
    if kind == "session":
        return held, FINE
    held.stream = OpenConnection(door.url, door.headers)
    return held, await held.stream.open_stream(listening(session), door.timeout_s)


def _ended(stream: OpenConnection | None) -> Reply:
    """How a stream ended."""
    ended = stream.stream.ended if stream is not None and stream.stream is not None else None
    how = f" ({stream.how})" if stream is not None and stream.how else ""
    return Reply(outcome.STREAM_ENDED, f"{ended.detail if ended else 'its stream is gone'}{how}")
