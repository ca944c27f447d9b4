"""The rows of the last seconds of a running load, for probes and alerts.

A call counts when it ends, as in all live figures; the report counts by intended start. Rows arrive about
twice a second, so an answer is up to half a second old.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from msgspec import Struct

from harness.conduct.live.last_second import of_load
from harness.foundation.units import NS_PER_MS, NS_PER_S
from harness.mcp import outcome
from harness.run_directory.samples import rows_with

KEPT_S = 60.0
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


class Recent(Struct, frozen=True, kw_only=True):
    """The figures of the calls of the last seconds; percentiles in milliseconds, over ok calls."""

    success_rate: float
    throughput: float
    failed: int
    p50: float
    p90: float
    p95: float
    p99: float


class _Rows(Struct, frozen=True):
    """The columns of one block that live figures need; a call takes 18 bytes."""

    read_ns: int
    last_done_ns: int
    done_ns: np.ndarray
    response_ms: np.ndarray
    ok: np.ndarray
    failed: np.ndarray

    @classmethod
    def of(cls, load: pa.Table, read_ns: int) -> "_Rows":
        done_ns = load["done_ns"].to_numpy()
        response_ms = (done_ns - load["intended_ns"].to_numpy()) / NS_PER_MS
        ok = rows_with(load, "outcome", outcome.OK.__eq__)
        failed = rows_with(load, "outcome", outcome.FAILED.__contains__)
        return cls(read_ns, int(done_ns.max()), done_ns, response_ms, ok, failed)


@dataclass(slots=True)
class LastRows:
    """The calls of the load in the last minute, as rows."""

    kept: deque[_Rows] = field(default_factory=deque)

    def add(self, tables: list[pa.Table], now_ns: int) -> None:
        """Add new rows, and drop those that are too old."""
        self.kept.extend(_Rows.of(load, now_ns) for load in map(of_load, tables) if load.num_rows)
        while self.kept and self.kept[0].read_ns < now_ns - KEPT_S * NS_PER_S:
            self.kept.popleft()

    def measure(self, now_ns: int, last_s: float) -> Recent | None:
        """Return the figures of the calls that ended in the last seconds; None when there were none."""
        since_ns = now_ns - int(min(last_s, KEPT_S) * NS_PER_S)
        recent = [rows for rows in self.kept if rows.last_done_ns >= since_ns]
        ok_ms = [rows.response_ms[rows.ok & (rows.done_ns >= since_ns)] for rows in recent]
        failed = sum(int(np.count_nonzero(rows.failed & (rows.done_ns >= since_ns))) for rows in recent)
        response_ms = np.concatenate(ok_ms) if ok_ms else np.zeros(0)
        if not len(response_ms) + failed:
            return None
        return Recent(
            success_rate=len(response_ms) / (len(response_ms) + failed),
            throughput=len(response_ms) / min(last_s, KEPT_S),
            failed=failed,
            **dict(zip(QUANTILES, _quantiles(response_ms), strict=True)),
        )


def _quantiles(response_ms: np.ndarray) -> list[float]:
    """Return the percentiles; when no call succeeded, they are infinite."""
    if not len(response_ms):
        return [float("inf")] * len(QUANTILES)
    found: list[float] = np.quantile(response_ms, list(QUANTILES.values())).tolist()
    return found
