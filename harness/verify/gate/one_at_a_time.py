"""One verification at a time, and no answer that is older than its question.

A verification that is under way began before whoever asks now: a deploy may lie between. So who asks waits for the next one, and shares it with all
others that wait.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

WAITING_MOST: Final = 32


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one verification."""

    exit_code: int
    markdown: str
    results: str  # CTRF


class BusyError(Exception):
    """Too many wait already."""


@dataclass(slots=True)
class Turns:
    """Takes questions; `verify` is never run twice at once."""

    verify: Callable[[], Awaitable[Answer]]
    last: Answer | None = None
    _running: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    _next: "asyncio.Task[Answer] | None" = None
    _under_way: "asyncio.Task[Answer] | None" = None
    _waiting: int = 0

    async def answer(self) -> Answer:
        """Return the answer of a verification that begins after this request."""
        if self._waiting >= WAITING_MOST:
            raise BusyError
        if self._next is None:
            self._next = asyncio.create_task(self._one())
        self._waiting += 1
        try:
            return await asyncio.shield(self._next)
        finally:
            self._waiting -= 1

    async def _one(self) -> Answer:
        async with self._running:
            self._under_way, self._next = (
                self._next,
                None,
            )  # it begins: who asks from here on needs another one
            self.last = await self.verify()
            return self.last

    async def end(self) -> None:
        """Nothing more: what is under way is given up."""
        tasks = [task for task in (self._next, self._under_way) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
