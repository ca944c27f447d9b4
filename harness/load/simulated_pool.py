"""Open load without a network: arrivals are drawn, given to a pool, and served first come first served.

The schedule (`scenario/plan/arrivals`) and the pool (`pool`) are those of real users; only the server is
simulated: it serves `lanes` calls at a time, each for the service time, and none while it is stalled. One
lane with exponential times is the M/M/1 queue, whose percentiles are known:

    response time is exponential with mean 1 / (mu - lambda), so its q-quantile is -ln(1 - q) / (mu - lambda)

Both are held against theory by tests/load/test_simulated_pool.py.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from harness.load.pool import SessionPool
from harness.scenario.plan.arrivals import offsets_ns
from harness.scenario.plan.plan import Arrivals

CLASS = "SimulatedUser"
NEVER_NS = 2**62


@dataclass(frozen=True, slots=True)
class Done:
    """One call of an open load, with its times."""

    intended_ns: int
    sent_ns: int
    done_ns: int


@dataclass(slots=True)
class Lanes:
    """A server that serves `count` calls at a time, in the order in which they come."""

    count: int
    service_ns: Callable[[], int]
    stalls: tuple[tuple[int, int], ...] = ()
    free_at_ns: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.free_at_ns = [0] * self.count

    def done_ns(self, sent_ns: int) -> int:
        """Return when a call that is sent now will be answered."""
        done_ns = max(sent_ns, heapq.heappop(self.free_at_ns)) + self.service_ns()
        for start_ns, end_ns in self.stalls:
            if start_ns < done_ns and sent_ns < end_ns:
                done_ns = max(done_ns, end_ns)
        heapq.heappush(self.free_at_ns, done_ns)
        return done_ns


@dataclass(slots=True)
class _Session:
    """A session of the pool; the pool calls `hand` at the time `sim.now_ns`."""

    sim: "SimulatedPool"

    def hand(self, intended_ns: int) -> None:
        self.sim.send(self, intended_ns)


@dataclass(slots=True)
class SimulatedPool:
    """Plays arrivals up to a given time."""

    arrivals: Arrivals
    lanes: Lanes
    starts_ns: int
    ends_ns: int
    seed: str
    last: bool = False  # nothing arrives after the end
    now_ns: int = 0
    arrived: int = 0
    not_sent: list[int] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)
    pool: SessionPool = field(init=False)
    _schedule: Iterator[int] = field(init=False)
    _next_ns: int = field(init=False)
    _busy: list[tuple[int, int, Done, _Session]] = field(default_factory=list)
    _sent: int = 0

    def __post_init__(self) -> None:
        self.pool = SessionPool({CLASS: 1}, self.arrivals.max_users, self.arrivals.queue, self._grow)
        self._schedule = offsets_ns(self.arrivals, self.seed)
        self._look_ahead()

    def play(self, until_ns: int) -> list[Done]:
        """Play up to that time; return the calls that were done, in that order."""
        while min(self._next_ns, self._busy[0][0] if self._busy else self._next_ns) <= until_ns:
            if self._busy and self._busy[0][0] <= self._next_ns:
                self._end()
            else:
                self._arrive()
        self.now_ns = until_ns
        done, self.done = self.done, []
        return done

    def finish(self, until_ns: int) -> list[Done]:
        """End the arrivals: withdraw the waiting ones, complete the open calls, and return these."""
        self.play(until_ns)
        self.not_sent += [at_ns for at_ns in self.pool.withdraw() if at_ns < self.ends_ns]
        self._next_ns = NEVER_NS
        while self._busy:
            self._end()
        done, self.done = self.done, []
        return done

    def oldest_ns(self, otherwise: int) -> int:
        """Return the intended start of the oldest call that is open or waits."""
        open_ns = min((one[2].intended_ns for one in self._busy), default=otherwise)
        return min(open_ns, self.pool.oldest_ns(otherwise))

    @property
    def open_calls(self) -> int:
        return len(self._busy)

    def send(self, session: _Session, intended_ns: int) -> None:
        done_ns = self.lanes.done_ns(self.now_ns)
        self._sent += 1
        call = Done(intended_ns, self.now_ns, done_ns)
        heapq.heappush(self._busy, (done_ns, self._sent, call, session))

    def _arrive(self) -> None:
        self.now_ns = self._next_ns
        self._look_ahead()
        self.arrived += 1
        if not self.pool.arrive(self.now_ns):
            self.not_sent.append(self.now_ns)

    def _look_ahead(self) -> None:
        self._next_ns = self.starts_ns + next(self._schedule)
        if self.last and self._next_ns >= self.ends_ns:
            self._next_ns = NEVER_NS

    def _end(self) -> None:
        self.now_ns, _, call, session = heapq.heappop(self._busy)
        self.done.append(call)
        self._take(session)

    def _grow(self, name: str) -> None:
        """Open a session, which takes no time."""
        del name
        self.pool.opened()
        self._take(_Session(self))

    def _take(self, session: _Session) -> None:
        intended_ns = self.pool.ready(CLASS, session)
        if intended_ns is not None:
            self.send(session, intended_ns)
