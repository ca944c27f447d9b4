"""Blocking calls in a thread: a task that is cancelled still waits for the call that it began.

A thread cannot be stopped. Without the wait it would go on during the cleanup: a directory that was removed
while a copy was being written into it would be there again.
"""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def to_the_end(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return the call's result; the call has to end by itself. A cancellation is passed on after that."""
    going = asyncio.ensure_future(asyncio.to_thread(call, *args, **kwargs))
    try:
        return await asyncio.shield(going)
    except asyncio.CancelledError:
        while not going.done():
            await _unless_cancelled(going)
        if not going.cancelled():
            going.exception()  # nobody is left to hear of it
        raise


async def _unless_cancelled(going: asyncio.Future[T]) -> None:
    """Wait for the thread; a cancellation ends this wait without an error."""
    try:
        await asyncio.wait([going])
    except asyncio.CancelledError:
        return
