"""sessions-in-memory: a complete session store, except that sessions are lost when the process ends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from harness.reference.sessions import Client, Session, Statistics, Usage, new_id, statistics_of


class MemorySessions:
    """A SessionStore and its upkeep, in a dictionary."""

    def __init__(self, ttl_s: float) -> None:
        self._ttl = timedelta(seconds=ttl_s)
        self._sessions: dict[str, Session] = {}

    async def open(self, client: Client) -> str:
        session_id, now = new_id(), datetime.now(UTC)
        self._sessions[session_id] = Session(session_id, client, 0, 0, now, now, now + self._ttl)
        return session_id

    async def touch(self, session_id: str, owner: str | None = None) -> bool:
        session = await self.find(session_id)
        if session is None or session.client.owner != owner:
            return False
        now = datetime.now(UTC)
        self._sessions[session_id] = replace(
            session,
            requests=session.requests + 1,
            active=session.active + 1,
            seen_at=now,
            expires_at=now + self._ttl,
        )
        return True

    def leave(self, session_id: str, owner: str | None = None) -> None:
        session = self._sessions.get(session_id)
        if session is not None and session.client.owner == owner:
            self._sessions[session_id] = replace(session, active=session.active - 1)

    async def close(self, session_id: str, owner: str | None = None) -> bool:
        session = await self.find(session_id)
        if session is None or session.client.owner != owner:
            return False
        del self._sessions[session_id]
        return True

    async def find(self, session_id: str) -> Session | None:
        session = self._sessions.get(session_id)
        return session if session is not None and session.expires_at > datetime.now(UTC) else None

    async def sweep(self) -> int:
        now = datetime.now(UTC)
        expired = [known for known, session in self._sessions.items() if session.expires_at <= now]
        for known in expired:
            del self._sessions[known]
        return len(expired)

    async def count(self) -> int:
        now = datetime.now(UTC)
        return sum(session.expires_at > now for session in self._sessions.values())

    async def statistics(self) -> Statistics:
        usages = [
            Usage(session.client.name, session.client.type, 1, session.requests)
            for session in self._sessions.values()
        ]
        return statistics_of(await self.count(), usages)

    async def check(self) -> None:
        """Do nothing: memory is always available."""

    async def settle(self) -> None:
        """Do nothing: there is nothing to write."""
