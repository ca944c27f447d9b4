"""The last second: counts and percentiles of the calls of the load that ended in it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from harness.foundation.units import NS_PER_MS
from harness.mcp import operations, outcome
from harness.run_directory.samples import rows_with, text_counts


@dataclass(frozen=True, slots=True)
class LastSecond:
    """The figures of one second of a running load."""

    at_s: float
    span_s: float
    users: int
    ok: int
    failed: int
    p50_ms: float | None
    p95_ms: float | None
    worst: str  # the most frequent failure, or ""
    outcomes: Mapping[str, int] = field(default_factory=dict)

    @property
    def throughput_rps(self) -> float:
        return self.ok / self.span_s if self.span_s > 0 else 0.0

    @property
    def success_rate(self) -> float | None:
        return self.ok / (self.ok + self.failed) if self.ok + self.failed else None


def of_load(table: pa.Table) -> pa.Table:
    """Return the table without the rows of the protocol; a failed opening stands for a call, and stays."""
    protocol = rows_with(table, "operation", operations.is_protocol)
    if not protocol.any():
        return table
    opening = rows_with(table, "operation", operations.OPENING.__contains__)
    failed = rows_with(table, "outcome", outcome.FAILED.__contains__)
    return table.filter(pa.array(~protocol | (opening & failed)))


def look(tables: list[pa.Table], users: int, at_s: float, span_s: float) -> LastSecond:
    """Return the figures of the calls in these rows."""
    counts: Counter[str] = Counter()
    latencies: list[np.ndarray] = []
    for table in map(of_load, tables):
        counts.update(text_counts(table, "outcome"))
        ok = rows_with(table, "outcome", outcome.OK.__eq__)
        latencies.append((table["done_ns"].to_numpy() - table["intended_ns"].to_numpy())[ok])
    response_ms = np.concatenate(latencies) / NS_PER_MS if latencies else np.zeros(0)
    failures = {name: count for name, count in counts.items() if name in outcome.FAILED}
    p50_ms, p95_ms = np.quantile(response_ms, (0.5, 0.95)).tolist() if len(response_ms) else (None, None)
    return LastSecond(
        at_s=at_s,
        span_s=span_s,
        users=users,
        ok=counts.get(outcome.OK, 0),
        failed=sum(failures.values()),
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        worst=max(failures, key=lambda name: failures[name], default=""),
        outcomes=counts,
    )
