"""What is remembered of keys that were verified: bounded in time and in number, wrong ones included.

Those who ask for the same key at once share one verification. What was read before a change is not remembered
after it (`forget`), so a key that is revoked here stops working here at once.
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
    """More keys are being verified than may wait."""


class Verified:
    """Answers from memory, and by `verify` where there is none."""

    def __init__(self, verify: Verify, now: Callable[[], float] = time.monotonic) -> None:
        self._verify, self._now = verify, now
        self._remembered: OrderedDict[bytes, tuple[Caller | None, float]] = OrderedDict()
        self._asked: dict[bytes, asyncio.Task[Caller | None]] = {}
        self._changes = 0

    async def caller(self, key: str) -> Caller | None:
        # Not the key itself: what is remembered is no place to find keys in.
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
        """Something about this client has changed."""
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
