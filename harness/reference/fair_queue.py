"""A bounded number of places, given to clients in turn.

While there is room everybody enters at once. When there is none, each client has a queue of its own, and a place
that becomes free goes to the next client, not to the next call:

    waiting   heavy: h1 h2 h3 … h50        light: l1
    places    h1 l1 h2 h3 …                                (test_turns draws the same)

So how long a client waits depends on how many clients wait and on what it asked for itself, not on how much
another one asked for: between a call's coming and its turn, each other client is let in at most once for each
call of its own client that stands before it, and once more.
The caller of `enter` decides who the client is. The number of waiting calls, and their time, are limited.
"""

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass

WAITING_MAX = 10_000


class NoTurnError(Exception):
    """No place became free within the time limit, or too many calls wait already."""


@dataclass(slots=True)
class Counts:
    """Counts of the use of places since the start."""

    entered: int = 0
    waited: int = 0  # how many of them had to wait
    refused: int = 0
    in_use: int = 0
    in_use_most: int = 0
    waited_s: float = 0.0


class Turns:
    """The places; call `enter`, and then `leave`, once each."""

    def __init__(self, places: int, wait_s: float, waiting_max: int = WAITING_MAX) -> None:
        self._places, self._wait_s, self._waiting_max = places, wait_s, waiting_max
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()  # never an empty one
        self._waiting = 0
        self.counts = Counts()

    @property
    def waiting(self) -> int:
        return self._waiting

    async def enter(self, client: str) -> int:
        """Take a place, waiting for it if needed; return how many others were let in meanwhile."""
        counts = self.counts
        if counts.in_use < self._places:  # no call waits then: a free place is passed on at once
            self._taken()
            return 0
        before = counts.entered
        await self._turn(client)
        return counts.entered - before - 1

    def leave(self) -> None:
        """Pass the place on to the client whose turn it is."""
        self.counts.in_use -= 1
        while self._queues:
            client, queue = self._queues.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._queues[client] = queue  # to the end: the others come first now
            self._waiting -= 1
            if not turn.done():
                self._taken()
                turn.set_result(None)
                return

    def _taken(self) -> None:
        counts = self.counts
        counts.entered += 1
        counts.in_use += 1
        counts.in_use_most = max(counts.in_use_most, counts.in_use)

    async def _turn(self, client: str) -> None:
        if self._waiting >= self._waiting_max:
            self.counts.refused += 1
            raise NoTurnError(f"and {self._waiting} calls wait already")
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._queues.setdefault(client, deque()).append(turn)
        self._waiting += 1
        started_s = loop.time()
        timer = loop.call_later(self._wait_s, _give_up, turn)
        try:
            await turn
        except (asyncio.CancelledError, NoTurnError) as error:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.leave()  # the place was given to a call that is gone
            else:
                self._forget(client, turn)
            if isinstance(error, NoTurnError):
                self.counts.refused += 1
                raise NoTurnError(f"within {self._wait_s:g} s") from None
            raise
        finally:
            timer.cancel()
            self.counts.waited += 1
            self.counts.waited_s += loop.time() - started_s

    def _forget(self, client: str, turn: "asyncio.Future[None]") -> None:
        queue = self._queues.get(client)
        if queue is not None and turn in queue:
            queue.remove(turn)
            self._waiting -= 1
            if not queue:
                del self._queues[client]


def _give_up(turn: "asyncio.Future[None]") -> None:
    if not turn.done():
        turn.set_exception(NoTurnError())
