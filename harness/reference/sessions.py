"""Sessions, and the interface of a store that keeps them.

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
    """Return a new id of 128 random bits: it cannot be guessed, and is printable as the protocol demands."""
    return secrets.token_hex(16)


def type_of(client_name: str) -> str:
    """Return the type of a client by its name."""
    name = client_name.lower()
    if DESKTOP in name:
        return DESKTOP
    return CODE_CLIENT if any(word in name for word in CODE) else HTTP


class StoreUnreachableError(Exception):
    """The store does not answer, so it is unknown whether the session exists."""


@dataclass(frozen=True, slots=True)
class Client:
    """The client that opened a session, as it described itself; `owner` is the id of a registered client."""

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
    """An open session.

    `active` is the number of its requests under way in the process that served it last.
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
    """The sessions and requests of one client, by its name, since the schema was made."""

    client: str
    type: str
    sessions: int
    requests: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """Totals since the schema was made, with expired and closed sessions; `open` is the present number."""

    open: int
    total: int
    unique_clients: int
    requests: int
    by_type: Mapping[str, int]  # sessions
    clients: tuple[Usage, ...]  # the first CLIENTS_LISTED by requests


def statistics_of(open_now: int, usages: "list[Usage]") -> Statistics:
    """Return the totals over all clients."""
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
    """The methods of a session store that requests need. Coroutines may raise StoreUnreachableError."""

    async def open(self, client: Client) -> str:
        """Open a session; return its id."""
        ...

    async def touch(self, session_id: str, owner: str | None = None) -> bool:
        """Begin a request: count it and extend the session.

        False when this owner has no such open session.
        """
        ...

    def leave(self, session_id: str, owner: str | None = None) -> None:
        """Note that a request has ended; the store is updated soon."""
        ...

    async def close(self, session_id: str, owner: str | None = None) -> bool:
        """Close the session; False when there was none."""
        ...


class SessionUpkeep(Protocol):
    """The methods of a session store that the service itself needs."""

    async def sweep(self) -> int:
        """Delete expired sessions only; return how many."""
        ...

    async def count(self) -> int:
        """Return the number of open sessions."""
        ...

    async def find(self, session_id: str) -> Session | None:
        """Return the session if it is open, else None."""
        ...

    async def statistics(self) -> Statistics:
        """Return the statistics of all clients."""
        ...

    async def check(self) -> None:
        """Return when the store works, else raise; cheap."""
        ...

    async def settle(self) -> None:
        """Write pending updates to the store, within a time limit; called last."""
        ...
