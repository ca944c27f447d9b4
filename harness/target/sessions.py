"""Sessions of the handshake era: what one is, and the contract of a store that keeps them.

A session is opened by `initialize`, kept alive by every request that names it, and ends when it is closed or
when nothing named it for its time to live. It belongs to the store, not to the process: any process on the same
store serves it, and it survives a restart. A closed or expired one never comes back.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

NewId = Callable[[], str]


def new_id() -> str:
    """128 random bits: not to be guessed, and printable as the protocol asks."""
    return secrets.token_hex(16)


class StoreUnreachableError(Exception):
    """The store does not answer, so nobody can say whether the session is there."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who opened a session, in its own words."""

    name: str
    version: str
    protocol: str


class SessionStore(Protocol):
    """Where sessions are kept. All three may raise StoreUnreachableError."""

    async def open(self, client: Client) -> str:
        """A new session's id."""
        ...

    async def touch(self, session_id: str) -> bool:
        """Count a request and extend the session; False when there is no such session (any more)."""
        ...

    async def close(self, session_id: str) -> bool:
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

    async def check(self) -> None:
        """Return when the store works; cheap."""
        ...
