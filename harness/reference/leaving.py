"""Why nobody waits for a call any more: its client has left, or has said that it wants it no more.

A client that has left is no reason to stop: what it asked for is carried through, and recorded as it ended. A client
that says so (`notifications/cancelled`, on a WebSocket) has its call stopped, unless it writes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Wish:
    """What the client of one call wants now."""

    stop: bool = False


_wish: ContextVar[Wish | None] = ContextVar("wish", default=None)


def stop_wanted() -> bool:
    """The client of this very call wants it no more."""
    wish = _wish.get()
    return wish is not None and wish.stop


@contextmanager
def wishing(wish: Wish) -> Iterator[None]:
    """Calls that begin inside go by this."""
    token = _wish.set(wish)
    try:
        yield
    finally:
        _wish.reset(token)
