"""Sessions: what one is, and the contract of a store that keeps them.

A session is opened by `initialize`, kept alive by every request that names it, and ends when it is closed or
when nothing named it for its time to live. It belongs to the store, not to the process: any process on the same
store serves it, and it survives a restart. A closed or expired one never comes back, and its id is not given
again while anybody could still use it. With authentication on it serves only the client that opened it.

    type of client     by the name in its clientInfo
    desktop            an application with a window: "desktop" is in it
    code               an editor or a coding agent: one of CODE is in it
    http               everything else: scripts, services, load generators
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

NewId = Callable[[], str]
Sweep = Callable[[], Awaitable[int]]

IDS_TRIED: Final = 5  # with 128 random bits the second is already unheard of
DESKTOP, CODE_CLIENT, HTTP = "desktop", "code", "http"
TYPES: Final = (DESKTOP, CODE_CLIENT, HTTP)
CODE: Final = ("code", "cursor", "copilot", "codex", "windsurf", "zed", "jetbrains", "cline", "vim", "emacs")
CLIENTS_LISTED: Final = 100  # in statistics, those with the most requests


def new_id() -> str:
    """128 random bits: not to be guessed, and printable as the protocol asks."""
    return secrets.token_hex(16)


def type_of(client_name: str) -> str:
    """What kind of client calls itself that."""
    name = client_name.lower()
    if DESKTOP in name:
        return DESKTOP
    return CODE_CLIENT if any(word in name for word in CODE) else HTTP


class StoreUnreachableError(Exception):
    """The store does not answer, so nobody can say whether the session is there."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who opened a session, in its own words; `owner` is the id of a registered client."""

    name: str
    version: str
    protocol: str
    owner: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def type(self) -> str:
        return type_of(self.name)


@dataclass(frozen=True, slots=True)
class Session:
    """What is known of an open session.

    `active` are the requests that the process which served it last is working on now.
    """

    id: str
    client: Client
    requests: int
    active: int
    opened_at: datetime
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Usage:
    """What one client, by its name, has done since the schema was made."""

    client: str
    type: str
    sessions: int
    requests: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """Since the schema was made, expired and closed sessions included; `open` is now."""

    open: int
    total: int
    unique_clients: int
    requests: int
    by_type: Mapping[str, int]  # sessions
    clients: tuple[Usage, ...]  # the first CLIENTS_LISTED by requests


def statistics_of(open_now: int, usages: "list[Usage]") -> Statistics:
    """The totals of what each client did."""
    by_type = dict.fromkeys(TYPES, 0)
    for usage in usages:
        by_type[usage.type] += usage.sessions
    most = sorted(usages, key=lambda usage: (-usage.requests, usage.client))[:CLIENTS_LISTED]
    return Statistics(
        open=open_now,
        total=sum(by_type.values()),
        unique_clients=len({usage.client for usage in usages}),
        requests=sum(usage.requests for usage in usages),
        by_type=by_type,
        clients=tuple(most),
    )


class SessionStore(Protocol):
    """Where sessions are kept, as requests need it. What is awaited may raise StoreUnreachableError."""

    async def open(self, client: Client) -> str:
        """A new session's id."""
        ...

    async def touch(self, session_id: str, owner: str | None = None) -> bool:
        """Begin a request: count it and extend the session; False when this owner has no such session (any more)."""
        ...

    def leave(self, session_id: str, owner: str | None = None) -> None:
        """The request that a touch began has ended; told to the store soon."""
        ...

    async def close(self, session_id: str, owner: str | None = None) -> bool:
        """End the session; False when there was none."""
        ...


class SessionUpkeep(Protocol):
    """What the service itself needs of a store."""

    async def sweep(self) -> int:
        """Delete what has expired, and nothing else; how many."""
        ...

    async def count(self) -> int:
        """Sessions that are open now."""
        ...

    async def find(self, session_id: str) -> Session | None:
        """The session, if it is open."""
        ...

    async def statistics(self) -> Statistics:
        """What all clients did."""
        ...

    async def check(self) -> None:
        """Return when the store works; cheap."""
        ...

    async def settle(self) -> None:
        """Tell the store what it was not told yet; the last thing before the end, and bounded."""
        ...
