"""Calls that are no longer awaited: the client has disconnected, or has cancelled the call.

After a disconnect the call goes on to its end, and is recorded. After `notifications/cancelled` (on a
WebSocket) it is stopped, unless it writes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Wish:
    """The client's present wish for one call."""

    stop: bool = False


_wish: ContextVar[Wish | None] = ContextVar("wish", default=None)


def stop_wanted() -> bool:
    """Whether the client has cancelled the present call."""
    wish = _wish.get()
    return wish is not None and wish.stop


@contextmanager
def wishing(wish: Wish) -> Iterator[None]:
    """Use this wish for calls that begin in the body."""
    token = _wish.set(wish)
    try:
        yield
    finally:
        _wish.reset(token)
