"""A cache of verified keys, bounded in time and in number; wrong keys are cached, too.

Simultaneous requests with the same key share one verification. A result from before a change is not cached
after it (`forget`), so a key that is revoked in this process stops working in it at once.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from harness.reference.caller import Caller

REMEMBER_S: Final = 60.0
REMEMBERED_MAX: Final = 10_000
WAITING_MAX: Final = 200

Verify = Callable[[str], Awaitable[Caller | None]]


class TooManyError(Exception):
    """Too many keys are being verified at the same time."""


class Verified:
    """Finds callers in the cache, else by `verify`."""

    def __init__(self, verify: Verify, now: Callable[[], float] = time.monotonic) -> None:
        self._verify, self._now = verify, now
        self._remembered: OrderedDict[bytes, tuple[Caller | None, float]] = OrderedDict()
        self._asked: dict[bytes, asyncio.Task[Caller | None]] = {}
        self._changes = 0

    async def caller(self, key: str) -> Caller | None:
        # Do not store the key itself, so that the cache holds no keys.
        digest = hashlib.sha256(key.encode()).digest()
        remembered = self._remembered.get(digest)
        if remembered is not None and remembered[1] > self._now():
            return remembered[0]
        task = self._asked.get(digest)
        if task is None:
            if len(self._asked) >= WAITING_MAX:
                raise TooManyError("too many keys are being verified")
            task = self._asked[digest] = asyncio.create_task(self._ask(digest, key))
            task.add_done_callback(lambda _: self._asked.pop(digest, None))
        return await asyncio.shield(task)

    def forget(self, client: str) -> None:
        """Forget a client that has changed."""
        self._changes += 1
        for digest, (caller, _until) in list(self._remembered.items()):
            if caller is not None and caller.client == client:
                del self._remembered[digest]

    async def _ask(self, digest: bytes, key: str) -> Caller | None:
        changes = self._changes
        caller = await self._verify(key)
        if changes == self._changes:
            self._remembered[digest] = (caller, self._now() + REMEMBER_S)
            self._remembered.move_to_end(digest)
            while len(self._remembered) > REMEMBERED_MAX:
                self._remembered.popitem(last=False)
        return caller
