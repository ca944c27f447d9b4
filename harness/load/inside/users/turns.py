"""Decides when a user may make its next call, where the user does not decide that itself.

    closed load, by time     no turns: a user calls when it is ready
    closed load, by count    `CountedTurns`: users wait for each other, then share a number of calls
    open load                `OpenLoadTurns`: a call, or a session, goes to a user that is free
    when the load is over    `OVER`: no call begins any more
A user that waits here can be stopped at once (`user.py` tells Locust that it waits).
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from typing import Final, Protocol

import gevent
import msgspec
from gevent.event import AsyncResult, Event

from harness.foundation.units import NS_PER_MS
from harness.load.inside.transport.timer import Alarm
from harness.load.pool import SessionPool

OVERDUE_NS = 10 * NS_PER_MS
LOOK_S = 0.01
AT_ONCE_MAX = 64  # then the users that take these arrivals get to run
AHEAD_MAX = 100_000


class TurnGauges(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that are still to come, for the spool (`Gauges` has the same names)."""

    left: int = 0
    arrived: int = 0
    overdue: int = 0
    not_sent: list[int] = []
    oldest_waiting_ns: int | None = None  # None: nothing waits


class Turns(Protocol):
    """Users of a step by count, or of open load, ask this before each call."""

    session_calls: int  # an arrival is a session of that many calls; 0: it is one call
    paces: bool  # the turns set the pace: users do not think before one

    def take(self, name: str, slot: "UserSlot", ready_ns: int) -> int | None:
        """Wait for a turn for a user of that class; return the intended start of its call.

        None: ask again.
        """
        ...

    def gauges(self, now_ns: int) -> TurnGauges:
        """Return the gauges for the spool."""
        ...

    def end(self) -> None:
        """Give no more turns."""
        ...


class UserSlot:
    """A user's place in the pool, where it is given its next call."""

    __slots__ = ("_given", "_handed", "is_new")

    def __init__(self) -> None:
        self.is_new = True
        self._given: AsyncResult = AsyncResult()
        self._handed: dict[int, int] = {}

    def hand(self, intended_ns: int) -> None:
        self._handed[id(self)] = intended_ns
        self._given.set(intended_ns)

    def wait(self, handed: dict[int, int]) -> int:
        """Wait for the next call; return its intended start. `handed` holds it until it is taken."""
        self._given, self._handed = AsyncResult(), handed
        try:
            intended_ns: int = self._given.get()
        finally:
            handed.pop(id(self), None)
        return intended_ns


class Over:
    """Turns after the end of the load: a user that asks waits until it is stopped."""

    session_calls = 0
    paces = False

    def take(self, name: str, slot: UserSlot, ready_ns: int) -> int | None:
        del name, slot, ready_ns
        Event().wait()
        return None

    def gauges(self, now_ns: int) -> TurnGauges:
        del now_ns
        return TurnGauges()

    def end(self) -> None:
        """Do nothing: it has ended already."""


OVER: Final = Over()


class CountedTurns:
    """A number of calls for all users of this worker, which begin together."""

    session_calls = 0
    paces = False

    def __init__(self, users: Callable[[], int], epoch_ns: int) -> None:
        self.left = 0
        self._epoch_ns = epoch_ns
        self._users = users
        self._waiting = 0
        self._begun = Event()
        self._over = Event()
        self._began_ns = 0

    def wait_for_all(self, within_s: float) -> None:
        """Wait until every user has opened its session, and waits here."""
        with gevent.Timeout(within_s, exception=False):
            while self._waiting < self._users():
                gevent.sleep(LOOK_S)

    def let_go(self, requests: int, at_ns: int) -> None:
        """Allow that many calls from `at_ns` on, which is also their earliest intended start."""
        self.left, self._began_ns = requests, at_ns
        gevent.spawn(self._begin_at, at_ns)

    def _begin_at(self, at_ns: int) -> None:
        with closing(Alarm()) as alarm:
            alarm.sleep_until(self._epoch_ns + at_ns)
        self._begun.set()

    def take(self, name: str, slot: UserSlot, ready_ns: int) -> int | None:
        del name, slot
        if not self._begun.is_set():
            self._waiting += 1
            try:
                self._begun.wait()
            finally:
                self._waiting -= 1
        if self.left <= 0:
            self._over.wait()
            return None
        self.left -= 1
        return max(ready_ns, self._began_ns)

    def gauges(self, now_ns: int) -> TurnGauges:
        del now_ns
        return TurnGauges(left=self.left)

    def end(self) -> None:
        self.left = 0
        self._begun.set()
        self._over.set()


class OpenLoadTurns:
    """Open load: an absolute schedule, a pool of users that grows, a queue."""

    paces = True

    def __init__(
        self, weights: Mapping[str, int], grow: Callable[[str], None], session_calls: int, epoch_ns: int
    ) -> None:
        self.session_calls = session_calls
        self._epoch_ns = epoch_ns
        self._ends_ns = 0
        self._arrived = 0
        self._not_sent: list[int] = []
        self._handed: dict[int, int] = {}
        self._pool = SessionPool(weights, 0, 0, grow)
        self._schedule: Iterator[int] = iter(())
        self._ahead: deque[int] = deque()
        self._player: gevent.Greenlet | None = None

    def begin(self, schedule: Iterator[int], *, max_sessions: int, queue_max: int, ends_ns: int) -> None:
        """Begin a new schedule for the same pool; a schedule that has an end is played to its end."""
        self.end()
        self._pool.max_sessions, self._pool.queue_max, self._ends_ns = max_sessions, queue_max, ends_ns
        self._schedule = schedule
        self._ahead = deque()
        self._look_ahead()
        self._player = gevent.spawn(self._play)

    def take(self, name: str, slot: UserSlot, ready_ns: int) -> int | None:
        del ready_ns
        if slot.is_new:
            slot.is_new = False
            self._pool.opened()
        intended_ns = self._pool.ready(name, slot)
        return slot.wait(self._handed) if intended_ns is None else intended_ns

    def gauges(self, now_ns: int) -> TurnGauges:
        not_sent, self._not_sent = self._not_sent, []
        due_ns = self._ahead[0] if self._ahead else now_ns
        oldest_ns = min(self._pool.oldest_ns(now_ns), *self._handed.values(), due_ns, now_ns)
        return TurnGauges(
            arrived=self._arrived,
            overdue=self._overdue(now_ns - OVERDUE_NS),
            not_sent=not_sent,
            oldest_waiting_ns=oldest_ns,
        )

    def end(self) -> None:
        """End the schedule.

        Arrivals within the hold that still wait count as not sent; later ones do not count.
        """
        if self._player is None:
            return
        self._player.kill()
        self._player = None
        gevent.sleep(0)  # users take what they were given just now
        until_ns = min(time.monotonic_ns() - self._epoch_ns, self._ends_ns)
        left = [*self._pool.withdraw(), *self._ahead]
        self._not_sent += [at_ns for at_ns in left if at_ns < until_ns]
        self._ahead.clear()

    def _play(self) -> None:
        """Play every arrival at its time; catch up with late ones, some at a time."""
        with closing(Alarm()) as alarm:
            while self._ahead:
                alarm.sleep_until(self._epoch_ns + self._ahead[0])
                now_ns = time.monotonic_ns() - self._epoch_ns
                for _ in range(AT_ONCE_MAX):
                    if not self._ahead or self._ahead[0] > now_ns:
                        break
                    self._arrive(self._ahead.popleft())
                    if not self._ahead:
                        self._look_ahead()

    def _look_ahead(self) -> bool:
        """Fetch one more arrival of the schedule; False when there is none."""
        known = len(self._ahead)
        self._ahead.extend(islice(self._schedule, 1))
        return len(self._ahead) > known

    def _arrive(self, at_ns: int) -> None:
        self._arrived += 1
        if not self._pool.arrive(at_ns):
            self._not_sent.append(at_ns)

    def _overdue(self, before_ns: int) -> int:
        """Return how many arrivals before that time have not been played yet."""
        while self._ahead and self._ahead[-1] < before_ns and len(self._ahead) < AHEAD_MAX:
            if not self._look_ahead():
                break
        return sum(at_ns < before_ns for at_ns in self._ahead)
