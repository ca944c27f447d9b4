"""An engine without a network: calls drawn from the closed form of a closed queueing system.

With N users, service time S, think time Z and a server that completes at most C calls a second

    throughput  X(N) = min(N / (S + Z), C)          response  R(N) = N / X(N) - Z

and a call fails with probability 1 - limit / N above `limit` users, at least with `failing`. Response times are spread by a factor
that is log-normal with a mean of one. It does not know back-off or faults. Open load is played call by call, on a
server of as many lanes as make that capacity (`simulated_pool`).

Time comes from the clock that is passed in: with a fake one, a run of ten minutes takes milliseconds.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from harness.foundation.clock import Clock
from harness.foundation.units import NS_PER_MS, NS_PER_S
from harness.load.engine import Engine, Load, LoadSpec, Trouble
from harness.load.simulated_pool import Done, Lanes, SimulatedPool
from harness.mcp import outcome
from harness.run_directory.schema import NULL_CODE, NUMBERS, TEXTS
from harness.run_directory.spool import Block, Gauges, write_block
from harness.scenario.plan.plan import Arrivals

Times = tuple[np.ndarray, np.ndarray, np.ndarray]  # intended, sent, done

_NUMPY = {"q": "<i8", "i": "<i4", "h": "<i2", "b": "i1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedServer:
    """The server that is simulated."""

    service_ms: float = 20.0
    think_ms: float = 0.0
    capacity_rps: float = 500.0
    limit_users: int = 1_000_000
    failing: float = 0.0
    spread: float = 0.2
    exponential: bool = False  # open load: service times as those of the M/M/1 queue
    stalls_s: tuple[tuple[float, float], ...] = ()  # open load: from when to when nothing is answered

    @property
    def lanes(self) -> int:
        """How many calls of an open load are served at the same time."""
        return max(1, round(self.capacity_rps * self.service_ms / 1000))

    def throughput_rps(self, users: int) -> float:
        return min(users / ((self.service_ms + self.think_ms) / 1000), self.capacity_rps)

    def response_ms(self, users: int) -> float:
        return users / self.throughput_rps(users) * 1000 - self.think_ms

    def success(self, users: int) -> float:
        return min(1.0 - self.failing, self.limit_users / max(users, 1))


@dataclass(slots=True)
class _SimulatedLoad:
    """A simulated load; each method first writes the calls of the time that has passed."""

    server: SimulatedServer
    clock: Clock
    epoch_ns: int
    file: BinaryIO
    rng: np.random.Generator
    seed: int = 0
    users: int = 0
    left: int | None = None  # of a step by count: calls that have not been drawn
    drawn_to_ns: int = 0
    recorded: int = 0
    block: int = 0
    arriving: SimulatedPool | None = None

    async def set_users(self, count: int, requests: int | None = None) -> int:
        self._draw()
        self._leave()
        self.users, self.left = count, requests
        return self.drawn_to_ns

    async def authorize(self, headers: Mapping[str, str]) -> None:
        """Do nothing: nobody is asked who he is."""

    async def set_arrivals(
        self, arrivals: Arrivals, number: int, hold_s: float, *, last: bool = False
    ) -> int:
        self._draw()
        self._leave()
        self.users, self.left = 0, None
        service_ns, sigma = self.server.service_ms * NS_PER_MS, self.server.spread
        draw = (
            (lambda: int(self.rng.exponential(service_ns)))
            if self.server.exponential
            else (lambda: int(service_ns * self.rng.lognormal(-sigma * sigma / 2, sigma)))
        )
        stalls = tuple((int(a * NS_PER_S), int(b * NS_PER_S)) for a, b in self.server.stalls_s)
        self.arriving = SimulatedPool(
            arrivals,
            Lanes(self.server.lanes, draw, stalls),
            starts_ns=self.drawn_to_ns,
            ends_ns=self.drawn_to_ns + int(hold_s * NS_PER_S),
            seed=f"{self.seed}:{number}",
            last=last,
        )
        return self.drawn_to_ns

    async def poll(self) -> list[Trouble]:
        self._draw()
        return []

    async def stop(self, drain_s: float, *, cancelled: bool = False) -> None:
        del drain_s, cancelled  # its calls end by themselves
        self._draw()
        self._leave()
        self._draw(last=True)

    def facts(self) -> Mapping[str, Any]:
        return {"clock_error_ms": 0.0}

    def _leave(self) -> None:
        """End open load: answer the open calls, withdraw the waiting ones."""
        if self.arriving is not None:
            self._write(self._done(self.arriving.finish(self.drawn_to_ns)), last=False)
            self.arriving = None

    def _draw(self, *, last: bool = False) -> None:
        now_ns = self.clock.now_ns() - self.epoch_ns
        pool = self.arriving
        drawn = self._closed(now_ns) if pool is None else self._done(pool.play(now_ns))
        self.drawn_to_ns = now_ns
        self._write(drawn, last=last)

    def _closed(self, now_ns: int) -> Times:
        """Return the times of the users' calls, drawn by the formula."""
        span_ns = now_ns - self.drawn_to_ns
        rps = self.server.throughput_rps(self.users) if self.users else 0.0
        rows = int(rps * span_ns / NS_PER_S)
        if self.left is not None:
            rows = min(rows, self.left)
            self.left -= rows
            span_ns = min(span_ns, int(rows / rps * NS_PER_S) + 1) if rows else span_ns
        if not rows:
            return self._done([])
        intended = np.sort(self.rng.integers(self.drawn_to_ns, self.drawn_to_ns + span_ns, rows))
        factor = self.rng.lognormal(-(self.server.spread**2) / 2, self.server.spread, rows)
        response_ns = (self.server.response_ms(self.users) * NS_PER_MS * factor).astype("<i8")
        return intended, intended, intended + response_ns

    def _done(self, calls: list[Done]) -> Times:
        columns = np.array(
            [(one.intended_ns, one.sent_ns, one.done_ns) for one in calls], dtype="<i8"
        ).reshape(-1, 3)
        return columns[:, 0], columns[:, 1], columns[:, 2]

    def _write(self, drawn: Times, *, last: bool) -> None:
        write_block(self.file, self._block(drawn, last=last))
        self.file.flush()
        self.block += 1

    def _block(self, drawn: Times, *, last: bool) -> Block:
        rows = len(drawn[0])
        failed = self.rng.random(rows) >= self.server.success(self.users)
        columns = self._numbers(drawn, failed) | self._texts(failed)
        seq = np.arange(self.recorded, self.recorded + rows)
        self.recorded += rows
        return Block(
            worker=0,
            block=self.block,
            rows=rows,
            texts=self._vocabulary() if self.block == 0 else {},
            columns={"seq": seq.astype("<i8").tobytes(), **columns},
            gauges=self._gauges(last=last),
        )

    def _gauges(self, *, last: bool) -> Gauges:
        now_ns, pool = self.drawn_to_ns, self.arriving
        not_sent: list[int] = []
        if pool is not None:
            not_sent, pool.not_sent = pool.not_sent, []
        open_calls = pool.open_calls if pool else 0
        return Gauges(
            at_ns=now_ns,
            started=self.recorded + open_calls,
            recorded=self.recorded,
            open_calls=open_calls,
            oldest_open_ns=pool.oldest_ns(now_ns) if pool else now_ns,
            users=sum(pool.pool.sessions.values()) if pool else self.users,
            cpu=0.0,
            run_delay=0.0,
            left=self.left or 0,
            arrived=pool.arrived if pool else 0,
            not_sent=not_sent,
            last=last,
        )

    def _numbers(self, drawn: Times, failed: np.ndarray) -> dict[str, bytes]:
        intended, sent, done = drawn
        rows = len(intended)
        values = {
            "intended_ns": intended,
            "sent_ns": sent,
            "first_byte_ns": done,
            "done_ns": done,
            "status": np.where(failed, 503, 200),
            "code": np.full(rows, NULL_CODE),
            "user": np.arange(rows) % max(self.users, 1),
            "session": np.arange(rows) % max(self.users, 1),
            "worker": np.zeros(rows),
            "bytes_out": np.full(rows, 300),
            "bytes_in": np.full(rows, 400),
            "reused": np.ones(rows),
        }
        return {name: value.astype(_NUMPY[NUMBERS[name]]).tobytes() for name, value in values.items()}

    def _texts(self, failed: np.ndarray) -> dict[str, bytes]:
        codes = {name: np.zeros(len(failed), "<i4") for name in TEXTS}
        codes["outcome"] = failed.astype("<i4")
        codes["detail"] = failed.astype("<i4")
        return {name: value.tobytes() for name, value in codes.items()}

    def _vocabulary(self) -> dict[str, list[str]]:
        return {
            "user_class": ["SimulatedUser"],
            "operation": ["tools/call:simulated"],
            "transport": ["simulated"],
            "outcome": [outcome.OK, outcome.HTTP_STATUS],
            "detail": ["", "503 too many users"],
        }


def simulated(server: SimulatedServer, clock: Clock) -> Engine:
    """Return an engine that draws the calls to `server`."""

    @asynccontextmanager
    async def engine(spec: LoadSpec) -> AsyncIterator[Load]:
        path = Path(spec.spool_dir) / "worker-0.spool"
        with path.open("ab") as file:
            now_ns = clock.now_ns() - spec.epoch_ns
            rng = np.random.default_rng(spec.seed)
            yield _SimulatedLoad(server, clock, spec.epoch_ns, file, rng, spec.seed, drawn_to_ns=now_ns)

    return engine
