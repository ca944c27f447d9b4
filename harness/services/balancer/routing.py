"""Which process gets a request, and what becomes of sessions. Pure: no sockets, no clock.

    requests      each request goes to the next process in turn
    connections   each connection stays with a process, as behind a balancer that knows only TCP
    session       a session stays with the process that has opened it, by its Mcp-Session-Id
    address       each client address stays with a process

A process serves, drains (nothing new; by session, its own sessions still come) or is away. A session that its server no
longer knows is lost, in one of three ways:

    elsewhere    another process was asked, and the one that opened it still runs: no affinity
    replaced     the process that opened it has been replaced
    forgotten    the process that opened it was asked, and does not know it: it has expired, or was dropped
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Final

SESSIONS_MOST: Final = 200_000  # then the oldest are no longer known


class Balance(StrEnum):
    """How a process is chosen."""

    REQUESTS = "requests"
    CONNECTIONS = "connections"
    SESSION = "session"
    ADDRESS = "address"


class State(StrEnum):
    """Whether a process gets requests."""

    SERVES = "serves"
    DRAINS = "drains"
    AWAY = "away"


@dataclass(slots=True)
class Member:
    """A place for a process of the target: one process after the other may have it."""

    name: str
    host: str
    port: int
    state: State = State.SERVES
    generation: int = 0  # of the process: how many had this place before it
    in_flight: int = 0
    requests: int = 0
    sessions: int = 0  # that it has opened


@dataclass(frozen=True, slots=True)
class Opened:
    """Where a session was opened."""

    member: Member
    generation: int


@dataclass(slots=True)
class LostSessions:
    """Sessions that a server no longer knew, by the reason."""

    elsewhere: int = 0
    replaced: int = 0
    forgotten: int = 0


@dataclass(slots=True)
class Router:
    """Chooses processes, and keeps count of sessions."""

    members: Sequence[Member]
    balance: Balance
    lost: LostSessions = field(default_factory=LostSessions)
    _sessions: dict[str, Opened] = field(default_factory=dict)
    _next: int = 0

    def choose(self, session: str, address: str, last: Member | None) -> list[Member]:
        """Return the processes to ask, the best first; empty when none is there.

        `last` is the one that this connection used before.
        """
        serving = [each for each in self.members if each.state is State.SERVES]
        if self.balance is Balance.SESSION and (opened := self._sessions.get(session)) is not None:
            member = opened.member
            if member.state is not State.AWAY:
                return [member, *(each for each in serving if each is not member)]
        if self.balance is Balance.CONNECTIONS and last is not None and last.state is State.SERVES:
            return [last, *(each for each in serving if each is not last)]
        if self.balance is Balance.ADDRESS:
            return sorted(serving, key=lambda each: _mixed(f"{address} {each.name}"))
        return self._in_turn(serving)

    def opened(self, session: str, member: Member) -> None:
        """Note that a process has opened a session."""
        if session in self._sessions:
            return
        if len(self._sessions) >= SESSIONS_MOST:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[session] = Opened(member, member.generation)
        member.sessions += 1

    def closed(self, session: str) -> None:
        """Note that a session was ended by its client."""
        self._sessions.pop(session, None)

    def gone(self, session: str, asked: Member, *, certain: bool = True) -> None:
        """Note that the process that was asked does not know the session; it counts once.

        Where that is not certain (400, with which some servers say it) only another process's session counts.
        """
        opened = self._sessions.get(session)
        if opened is None or not (certain or opened != Opened(asked, asked.generation)):
            return
        del self._sessions[session]
        if opened.member.generation != opened.generation or opened.member.state is State.AWAY:
            self.lost.replaced += 1
        elif opened.member is not asked:
            self.lost.elsewhere += 1
        else:
            self.lost.forgotten += 1

    def member(self, name: str) -> Member:
        return next(each for each in self.members if each.name == name)

    def replaced(self, member: Member, host: str, port: int) -> None:
        """Another process has the place of an earlier one, and serves."""
        member.host, member.port = host, port
        member.generation += 1
        member.state = State.SERVES

    def _in_turn(self, serving: list[Member]) -> list[Member]:
        if not serving:
            return []
        first = self._next % len(serving)
        self._next += 1
        return [*serving[first:], *serving[:first]]


def _mixed(text: str) -> bytes:
    """A number that looks random, the same for the same text."""
    return blake2b(text.encode(), digest_size=8).digest()
