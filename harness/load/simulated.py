"""An engine without a network: calls drawn from the closed form of a closed queueing system.

With N users, service time S, think time Z and a server that completes at most C calls a second

    throughput  X(N) = min(N / (S + Z), C)          response  R(N) = N / X(N) - Z

and a call fails with probability 1 - limit / N above `limit` users. Response times are spread by a factor
that is log-normal with a mean of one. It does not know queues of calls, back-off, or faults.

Time comes from the clock that is passed in: with a fake one, a run of ten minutes takes milliseconds.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from harness.clock import Clock
from harness.load.engine import Engine, Load, LoadSpec, Trouble
from harness.mcp import outcome
from harness.record.schema import NULL_CODE, NUMBERS, TEXTS
from harness.record.spool import Block, Gauges, write_block
from harness.units import NS_PER_MS, NS_PER_S

_NUMPY = {"q": "<i8", "i": "<i4", "h": "<i2", "b": "i1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What is simulated."""

    service_ms: float = 20.0
    think_ms: float = 0.0
    capacity_rps: float = 500.0
    limit_users: int = 1_000_000
    spread: float = 0.2

    def throughput_rps(self, users: int) -> float:
        return min(users / ((self.service_ms + self.think_ms) / 1000), self.capacity_rps)

    def response_ms(self, users: int) -> float:
        return users / self.throughput_rps(users) * 1000 - self.think_ms

    def success(self, users: int) -> float:
        return min(1.0, self.limit_users / max(users, 1))


@dataclass(slots=True)
class _SimulatedLoad:
    """Writes the calls of the time gone by whenever it is asked for anything."""

    server: Server
    clock: Clock
    epoch_ns: int
    file: BinaryIO
    rng: np.random.Generator
    users: int = 0
    drawn_to_ns: int = 0
    recorded: int = 0
    block: int = 0

    async def set_users(self, count: int) -> None:
        self._draw()
        self.users = count

    async def poll(self) -> list[Trouble]:
        self._draw()
        return []

    async def stop(self, drain_s: float, *, cancelled: bool = False) -> None:
        del drain_s, cancelled  # its calls end by themselves
        self._draw(last=True)

    def _draw(self, *, last: bool = False) -> None:
        now_ns = self.clock.now_ns() - self.epoch_ns
        span_s = (now_ns - self.drawn_to_ns) / NS_PER_S
        rows = int(self.server.throughput_rps(self.users) * span_s) if self.users else 0
        intended = np.sort(self.rng.integers(self.drawn_to_ns, now_ns, rows)) if rows else np.zeros(0, "<i8")
        self.drawn_to_ns = now_ns
        write_block(self.file, self._block(intended, now_ns, last=last))
        self.file.flush()
        self.block += 1

    def _block(self, intended: np.ndarray, now_ns: int, *, last: bool) -> Block:
        rows = len(intended)
        columns = self._numbers(intended) | self._texts(rows)
        seq = np.arange(self.recorded, self.recorded + rows)
        self.recorded += rows
        return Block(
            worker=0,
            block=self.block,
            rows=rows,
            texts=self._vocabulary() if self.block == 0 else {},
            columns={"seq": seq.astype("<i8").tobytes(), **columns},
            gauges=Gauges(
                at_ns=now_ns,
                started=self.recorded,
                recorded=self.recorded,
                open_calls=0,
                oldest_open_ns=now_ns,
                users=self.users,
                cpu=0.0,
                run_delay=0.0,
                last=last,
            ),
        )

    def _numbers(self, intended: np.ndarray) -> dict[str, bytes]:
        rows = len(intended)
        spread = self.server.spread
        factor = self.rng.lognormal(-spread * spread / 2, spread, rows)
        response_ns = (self.server.response_ms(max(self.users, 1)) * NS_PER_MS * factor).astype("<i8")
        values = {
            "intended_ns": intended,
            "sent_ns": intended,
            "first_byte_ns": intended + response_ns,
            "done_ns": intended + response_ns,
            "status": np.full(rows, 200),
            "code": np.full(rows, NULL_CODE),
            "user": np.arange(rows) % max(self.users, 1),
            "session": np.arange(rows) % max(self.users, 1),
            "worker": np.zeros(rows),
            "bytes_out": np.full(rows, 300),
            "bytes_in": np.full(rows, 400),
            "reused": np.ones(rows),
        }
        return {name: value.astype(_NUMPY[NUMBERS[name]]).tobytes() for name, value in values.items()}

    def _texts(self, rows: int) -> dict[str, bytes]:
        codes = {name: np.zeros(rows, "<i4") for name in TEXTS}
        failed = self.rng.random(rows) >= self.server.success(self.users)
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


def simulated(server: Server, clock: Clock) -> Engine:
    """An engine that draws the calls to `server`."""

    @asynccontextmanager
    async def engine(spec: LoadSpec) -> AsyncIterator[Load]:
        path = Path(spec.spool_dir) / "worker-0.spool"
        with path.open("ab") as file:
            now_ns = clock.now_ns() - spec.epoch_ns
            rng = np.random.default_rng(spec.seed)
            yield _SimulatedLoad(server, clock, spec.epoch_ns, file, rng, drawn_to_ns=now_ns)

    return engine
