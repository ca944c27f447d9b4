"""The rows of the last seconds of a running load, for probes and alerts.

A call counts when it ends, as in all live figures; the report counts by intended start. Rows arrive about
twice a second, so an answer is up to half a second old.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from harness.conduct.live.last_second import of_load
from harness.foundation.units import NS_PER_MS, NS_PER_S
from harness.mcp import outcome

KEPT_S = 60.0
FAILED = pa.array(sorted(outcome.FAILED), pa.string())
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


@dataclass(slots=True)
class LastRows:
    """The calls of the load in the last minute, as rows."""

    kept: deque[tuple[int, pa.Table]] = field(default_factory=deque)

    def add(self, tables: list[pa.Table], now_ns: int) -> None:
        """Add new rows, and drop those that are too old."""
        self.kept.extend((now_ns, load) for load in map(of_load, tables) if load.num_rows)
        while self.kept and self.kept[0][0] < now_ns - KEPT_S * NS_PER_S:
            self.kept.popleft()

    def measure(self, now_ns: int, last_s: float) -> Recent | None:
        """Return the figures of the calls that ended in the last seconds; None when there were none."""
        since_ns = now_ns - int(min(last_s, KEPT_S) * NS_PER_S)
        ok_ms: list[np.ndarray] = []
        failed = 0
        for _, table in self.kept:
            done_ns = table["done_ns"].to_numpy()
            inside = done_ns >= since_ns
            if not inside.any():
                continue
            outcomes = table["outcome"].combine_chunks().cast(pa.string())
            good = inside & pc.equal(outcomes, outcome.OK).to_numpy(zero_copy_only=False)
            ok_ms.append((done_ns - table["intended_ns"].to_numpy())[good] / NS_PER_MS)
            bad = pc.is_in(outcomes, value_set=FAILED).to_numpy(zero_copy_only=False)
            failed += int(np.count_nonzero(inside & bad))
        response_ms = np.concatenate(ok_ms) if ok_ms else np.zeros(0)
        if not len(response_ms) + failed:
            return None
        return Recent(
            success_rate=len(response_ms) / (len(response_ms) + failed),
            throughput=len(response_ms) / min(last_s, KEPT_S),
            failed=failed,
            # When no call succeeded, percentiles are infinite.
            **{
                name: float(np.quantile(response_ms, share)) if len(response_ms) else float("inf")
                for name, share in QUANTILES.items()
            },
        )
