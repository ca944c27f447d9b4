"""One rude client: its settings, its open connection and sessions, its counts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from harness.client.http import HttpClient
from harness.faults.rude_clients.wire import Answer, Wire
from harness.foundation.clock import within
from harness.mcp import outcome
from harness.mcp.dialects import Session, new_session
from harness.mcp.dialects.handshake import HANDSHAKE_VERSIONS, HandshakeSession
from harness.mcp.messages import Headers, Reply, Request

ACT_S = 10.0  # the longest that one act may take
ENDING_S = 8.0


@dataclass(frozen=True, slots=True)
class McpEndpoint:
    """An MCP endpoint over HTTP, and the protocol that the load speaks there."""

    url: str
    protocol: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class RudeClient:
    """A client that misbehaves act by act."""

    door: McpEndpoint
    http: HttpClient = field(repr=False)
    counts: Counter[str]
    number: int
    size: int  # bytes of a message that is too large
    acts: int = 0
    wire: Wire | None = None
    session: Session | None = None
    kept: list[HandshakeSession] = field(default_factory=list)  # sessions that it has opened and not ended

    async def connect(self, *, small: bool = False) -> Wire:
        """Open a connection of its own; it is closed with the client at the latest."""
        self.close()
        where = urlsplit(self.door.url)
        self.wire = await Wire.to(where.hostname or "", where.port or 80, small=small)
        self.counts["connections"] += 1
        return self.wire

    async def usual(self) -> bytes:
        """Return a valid request for the list of tools, in a session if the protocol has sessions."""
        if self.session is None:
            session = new_session(self.door.protocol)
            reply = await self.http.run(session.opening())
            if reply is not None and reply.outcome != outcome.OK:
                self.counts["refused"] += 1
                raise ConnectionRefusedError(reply.detail)
            self.session = session
            if isinstance(session, HandshakeSession) and session.session_id:
                self.kept.append(session)
        return self.encoded(self.session.request("tools/list", {}))

    def encoded(self, request: Request) -> bytes:
        """Return a request as bytes, with its Content-Length."""
        head = self.head(request.headers, request.method)
        return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(request.body), request.body)

    def head(self, headers: Headers, method: str = "POST") -> bytes:
        """Return the request line and headers, without the empty line that ends them."""
        where = urlsplit(self.door.url)
        target = (where.path or "/") + (f"?{where.query}" if where.query else "")
        lines = [("Host", where.netloc.rpartition("@")[2]), ("User-Agent", "mcp-harness-rude")]
        own = {name.lower() for name, _ in headers}
        lines += [(name, value) for name, value in self.door.headers.items() if name.lower() not in own]
        shown = "".join(f"{name}: {value}\r\n" for name, value in (*lines, *headers))
        return f"{method} {target} HTTP/1.1\r\n{shown}".encode("latin-1")

    def judge(self, answer: Answer) -> None:
        """Count how the server reacted: refusing is correct, a 5xx is a failure of the server."""
        if not answer.status:
            self.counts["hung_up_on"] += 1
        elif answer.status >= 500:
            self.counts["server_errors"] += 1
        elif answer.status >= 400 or b'"error"' in answer.body:
            self.counts["rejected"] += 1
        else:
            self.counts["accepted"] += 1

    async def open_session(self) -> tuple[HandshakeSession, Reply]:
        """Open and return a session of a version with a handshake, whatever version the load speaks."""
        session = HandshakeSession(HANDSHAKE_VERSIONS[0])
        reply = await self.http.run(session.opening())
        assert reply is not None
        if session.session_id is not None:
            self.kept.append(session)
        return session, reply

    async def end_session(self, session: HandshakeSession) -> None:
        """End a session in good order; if the server refuses, the session expires by itself."""
        reply = await self.http.run(session.closing())
        self.kept.remove(session)
        self.counts["ended" if reply is not None and reply.outcome == outcome.OK else "not_ended"] += 1

    def close(self) -> None:
        """Close the connection; idempotent."""
        if self.wire is not None:
            self.wire.close()
            self.wire = None

    async def leave(self) -> None:
        """Close the connection and end the sessions, as far as the time allows."""
        self.close()
        try:
            async with within(ENDING_S):
                for session in list(self.kept):
                    await self.end_session(session)
        except TimeoutError:
            self.counts["not_ended"] += len(self.kept)
