"""Gives arrivals to free sessions of a pool that grows, else to a queue; if that is full, they are not sent.

An arrival belongs to no session. It has a user class, drawn by the weights of the mix, so that the calls have
the mix however few sessions serve them. The free session that was used last goes first: then a pool that grew
during a stall does not keep hundreds of connections half alive. Each class has room reserved for its first
session. It knows nothing of time, networks, or how a session waits. `inside/users/turns.py` drives it with
real users, `simulated_pool.py` with drawn ones.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


class FreeSession(Protocol):
    """A session that waits for a call."""

    def hand(self, intended_ns: int) -> None: ...


@dataclass(slots=True)
class SessionPool:
    """The sessions of one process. `grow` opens one more of a class, which then calls `ready`."""

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
        """Accept an arrival; False when the pool and the queue are full."""
        name = next(self._classes)
        if self.free[name]:
            self.free[name].pop().hand(intended_ns)
            return True
        growing = self._may_grow(name)
        # An arrival whose session is being opened takes no place in the queue.
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
        """Note that a session that `grow` asked for is open."""
        self.opening -= 1

    def ready(self, name: str, slot: FreeSession) -> int | None:
        """Return the next call's intended start for a free session; None: the session is given one later."""
        if self.waiting[name]:
            self.queued -= 1
            return self.waiting[name].popleft()
        self.free[name].append(slot)
        return None

    def oldest_ns(self, otherwise: int) -> int:
        """Return the intended start of the arrival that has waited longest."""
        return min((queue[0] for queue in self.waiting.values() if queue), default=otherwise)

    def withdraw(self) -> list[int]:
        """Empty the queue; return the intended starts of its arrivals."""
        left = sorted(at_ns for queue in self.waiting.values() for at_ns in queue)
        for queue in self.waiting.values():
            queue.clear()
        self.queued = 0
        return left

    def _may_grow(self, name: str) -> bool:
        kept = sum(not count for other, count in self.sessions.items() if other != name)
        return sum(self.sessions.values()) + kept < self.max_sessions


def smooth(weights: Mapping[str, int]) -> Iterator[str]:
    """Yield names by weight, evenly interleaved: 3 and 1 give a a b a, a a b a, never a a a b."""
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
