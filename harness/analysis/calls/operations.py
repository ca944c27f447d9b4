"""Operations: a row for each operation and user class, the most frequent first.

Definitions are those of the whole run: rates over the same time, latency over ok calls. Operations come from
a bounded vocabulary, so the number of rows is bounded too.
"""

import numpy as np

from harness.analysis.calls import latency, throughput
from harness.analysis.calls.calls import Calls
from harness.analysis.levels import steps
from harness.analysis.statistics.rounding import ratio
from harness.run_directory.results import OperationResult


def measure(calls: Calls) -> tuple[OperationResult, ...]:
    """The rows of `operations` in the summary."""
    if not len(calls):
        return ()
    over_ns = throughput.span_ns(calls)
    width = len(calls.names["user_class"])
    keys = calls.operation.astype(np.int32) * width + calls.user_class
    order = np.argsort(keys, kind="stable")
    kinds, firsts = np.unique(keys[order], return_index=True)
    groups = zip(kinds, np.split(order, firsts[1:]), strict=True)
    rows = [_row(calls.take(group), int(kind), width, over_ns) for kind, group in groups]
    return tuple(sorted(rows, key=lambda row: (-row.requests, row.operation, row.user_class)))


def _row(calls: Calls, kind: int, width: int, over_ns: int) -> OperationResult:
    judged = steps.tally(calls)
    return OperationResult(
        operation=calls.names["operation"][kind // width],
        user_class=calls.names["user_class"][kind % width],
        requests=judged.requests,
        ok=judged.ok,
        failed=judged.failed,
        success_rate=ratio(judged.ok, judged.ok + judged.failed),
        throughput_rps=throughput.measure(calls, over_ns)["throughput_rps"],
        latency_ms=latency.tables(calls),
    )
