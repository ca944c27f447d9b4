"""Who takes an arrival: any free session of a pool that grows; when there is none, a queue; beyond it, nobody.

An arrival belongs to no session. It is of a user class, by the weights of the mix, so that the mix is that of the
calls however few sessions are needed for them. Of those free the one that was used last goes first: a pool that a
stall has made large does not keep hundreds of connections half alive. Every class has its first session kept for it.

What it does not know: time, networks, how a session waits. `inside/turns.py` drives it with real users,
`simulated_pool.py` with drawn ones.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


class FreeSession(Protocol):
    """A session that waits for something to do."""

    def hand(self, intended_ns: int) -> None: ...


@dataclass(slots=True)
class SessionPool:
    """The sessions of one process. `grow` opens one more of a class, which then says `ready`."""

    weights: Mapping[str, int]
    max_sessions: int
    queue_max: int
    grow: Callable[[str], None]
    free: dict[str, list[FreeSession]] = field(init=False)
    waiting: dict[str, deque[int]] = field(init=False)
    sessions: dict[str, int] = field(init=False)
    opening: int = 0
    queued: int = 0
    _classes: Iterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self.free = {name: [] for name in self.weights}
        self.waiting = {name: deque() for name in self.weights}
        self.sessions = dict.fromkeys(self.weights, 0)
        self._classes = smooth(self.weights)

    def arrive(self, intended_ns: int) -> bool:
        """Something to do; False when nobody will do it."""
        name = next(self._classes)
        if self.free[name]:
            self.free[name].pop().hand(intended_ns)
            return True
        growing = self._may_grow(name)
        # Whoever waits for a session that is being opened for it takes no place from the others.
        if not growing and self.queued >= self.queue_max + self.opening:
            return False
        self.waiting[name].append(intended_ns)
        self.queued += 1
        if growing:
            self.sessions[name] += 1
            self.opening += 1
            self.grow(name)
        return True

    def opened(self) -> None:
        """A session that `grow` asked for is there."""
        self.opening -= 1

    def ready(self, name: str, seat: FreeSession) -> int | None:
        """What a session that is free does next: at once, or None, and it is handed something later."""
        if self.waiting[name]:
            self.queued -= 1
            return self.waiting[name].popleft()
        self.free[name].append(seat)
        return None

    def oldest_ns(self, otherwise: int) -> int:
        """The intended start of what has waited longest."""
        return min((queue[0] for queue in self.waiting.values() if queue), default=otherwise)

    def withdraw(self) -> list[int]:
        """Nobody waits any longer; the intended starts of what did."""
        left = sorted(at_ns for queue in self.waiting.values() for at_ns in queue)
        for queue in self.waiting.values():
            queue.clear()
        self.queued = 0
        return left

    def _may_grow(self, name: str) -> bool:
        kept = sum(not count for other, count in self.sessions.items() if other != name)
        return sum(self.sessions.values()) + kept < self.max_sessions


def smooth(weights: Mapping[str, int]) -> Iterator[str]:
    """Names by weight, evenly interleaved: 3 and 1 give a a b a, a a b a, never a a a b."""
    if len(weights) == 1:
        (only,) = weights
        while True:
            yield only
    credit = dict.fromkeys(weights, 0)
    total = sum(weights.values())
    while True:
        for name, weight in weights.items():
            credit[name] += weight
        chosen = max(credit, key=credit.__getitem__)
        credit[chosen] -= total
        yield chosen
