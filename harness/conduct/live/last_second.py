"""The last second: counts and percentiles of the calls of the load that ended in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from harness.foundation.units import NS_PER_MS
from harness.mcp import operations, outcome


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
    names = table["operation"].combine_chunks().dictionary.to_pylist()
    if not any(map(operations.is_protocol, names)):
        return table
    operation, ended = (table[name].combine_chunks().cast(pa.string()) for name in ("operation", "outcome"))
    protocol = pc.is_in(operation, pa.array(filter(operations.is_protocol, names), pa.string()))
    stands_for_a_call = pc.and_(
        pc.is_in(operation, pa.array(operations.OPENING)), pc.is_in(ended, pa.array(outcome.FAILED))
    )
    return table.filter(pc.or_(pc.invert(protocol), stands_for_a_call))


def look(tables: list[pa.Table], users: int, at_s: float, span_s: float) -> LastSecond:
    """Return the figures of the calls in these rows."""
    counts: dict[str, int] = {}
    latencies: list[np.ndarray] = []
    for table in map(of_load, tables):
        outcomes = table["outcome"].combine_chunks()
        for pair in pc.value_counts(outcomes.cast(pa.string())).to_pylist():
            counts[pair["values"]] = counts.get(pair["values"], 0) + pair["counts"]
        ok = table.filter(pc.equal(outcomes.cast(pa.string()), outcome.OK))
        latencies.append(ok["done_ns"].to_numpy() - ok["intended_ns"].to_numpy())
    response_ms = np.concatenate(latencies) / NS_PER_MS if latencies else np.zeros(0)
    failures = {name: count for name, count in counts.items() if name in outcome.FAILED}
    return LastSecond(
        at_s=at_s,
        span_s=span_s,
        users=users,
        ok=counts.get(outcome.OK, 0),
        failed=sum(failures.values()),
        p50_ms=float(np.quantile(response_ms, 0.5)) if len(response_ms) else None,
        p95_ms=float(np.quantile(response_ms, 0.95)) if len(response_ms) else None,
        worst=max(failures, key=lambda name: failures[name], default=""),
        outcomes=counts,
    )
