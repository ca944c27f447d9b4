"""Calls that block, in a thread: what was begun is waited for, even by somebody who is being cancelled.

A thread cannot be stopped. Left alone it goes on behind the back of whoever cleans up: a directory that was removed
while a copy was being written into it is there again.
"""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def to_the_end(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The call's result; it has to end by itself. A cancellation is passed on when it has ended."""
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
    """Wait; who is in a hurry does not get ahead of the thread."""
    try:
        await asyncio.wait([going])
    except asyncio.CancelledError:
        return
