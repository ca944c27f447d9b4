"""Requests that arrive together share one round trip to the session store.

Every request waits for its touch, so those that arrive while one batch is under way share the next. The ends
of requests (`leave`) are not awaited: they go with the next batch, or alone when no request came for a
moment.

    request   A     B  C        D                   each is answered by its own batch
    batch     [A]---[B C -A]----[D -B -C]--- ... [-D]     never two at a time, never more than one a request

It does not know which store it is.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.foundation.clock import within
from harness.reference.sessions import StoreUnreachableError

AT_ONCE: Final = 500
ALONE_AFTER_S: Final = 0.05
SETTLE_S: Final = 1.0
Key = tuple[str, str | None]  # a session and its owner


@dataclass(frozen=True, slots=True)
class Touch:
    """The number of requests of one session that began and ended."""

    session: str
    owner: str | None
    begun: int
    ended: int

    @property
    def key(self) -> Key:
        return self.session, self.owner


Send = Callable[
    [Sequence[Touch]], Awaitable[set[Key]]
]  # returns the keys that exist; may raise StoreUnreachableError


class Touches:
    """Collects touches, and sends them to the store in batches."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: list[tuple[Key, asyncio.Future[bool]]] = []
        self._ended: Counter[Key] = Counter()
        self._task: asyncio.Task[None] | None = None
        self._alone: asyncio.TimerHandle | None = None

    async def touch(self, key: Key) -> bool:
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, answer))
        self._start()
        try:
            return await answer
        except asyncio.CancelledError:
            self.leave(key)  # it is counted, or will be, so note its end here
            raise

    def leave(self, key: Key) -> None:
        self._ended[key] += 1
        self._soon()

    async def settle(self) -> None:
        """Wait until all touches are sent, at most SETTLE_S."""
        with contextlib.suppress(TimeoutError):
            async with within(SETTLE_S):
                while self._task is not None or self._waiting or self._ended:
                    self._start()
                    if self._task is not None:
                        await asyncio.wait([self._task])
        self._hold_on()

    def _start(self) -> None:
        self._hold_on()
        if self._task is None and (self._waiting or self._ended):
            self._task = asyncio.create_task(self._run())

    def _hold_on(self) -> None:
        if self._alone is not None:
            self._alone.cancel()
            self._alone = None

    def _soon(self) -> None:
        if self._alone is None and self._task is None:
            self._alone = asyncio.get_running_loop().call_later(ALONE_AFTER_S, self._start)

    async def _run(self) -> None:
        try:
            more = True
            while more:
                batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                await self._send_batch(batch)
                more = bool(self._waiting)
        finally:
            self._task = None
        if self._ended:
            self._soon()

    async def _send_batch(self, batch: list[tuple[Key, "asyncio.Future[bool]"]]) -> None:
        begun = Counter(key for key, _ in batch)
        ended, self._ended = self._ended, Counter()
        touches = [Touch(*key, begun[key], ended[key]) for key in {*begun, *ended}]
        failure = StoreUnreachableError("the service is stopping")
        alive: set[Key] | None = None
        try:
            alive = await self._send(touches)
        except StoreUnreachableError as error:
            failure = error  # the ends are not sent again: they are lost with this batch
        finally:
            for key, answer in batch:
                if answer.done():  # its request was given up meanwhile
                    continue
                if alive is None:
                    answer.set_exception(failure)
                else:
                    answer.set_result(key in alive)
