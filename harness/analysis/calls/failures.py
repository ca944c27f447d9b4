"""Failures: a row for each outcome and detail, with how often it occurred, and from when to when.

Definitions: times are of completion, in seconds since the run's epoch. The most frequent come first. At most
`MOST` kinds are listed; the rest are added up by outcome, under the detail `(others)`, so that the counts of
the table always add up to the failures of the run.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec.structs import replace

from harness.analysis.calls.calls import FAILED, Calls
from harness.analysis.statistics.rounding import seconds
from harness.run_directory.results import Failure

MOST: Final = 40
OTHERS: Final = "(others)"


def measure(calls: Calls) -> tuple[Failure, ...]:
    """The rows of `failures` in the summary."""
    failed = calls.take(calls.kind == FAILED)
    if not len(failed):
        return ()
    details = [*failed.names["detail"], ""]  # a missing detail has the code -1: the last one
    width = len(details)
    keys = failed.outcome.astype(np.int64) * width + failed.detail.astype(np.int64) % width
    kinds, places, counts = np.unique(keys, return_inverse=True, return_counts=True)
    first = np.full(len(kinds), np.iinfo(np.int64).max)
    last = np.full(len(kinds), np.iinfo(np.int64).min)
    np.minimum.at(first, places, failed.done_ns)
    np.maximum.at(last, places, failed.done_ns)
    rows = [
        Failure(
            outcome=failed.names["outcome"][int(kind) // width],
            detail=details[int(kind) % width],
            count=int(count),
            first_s=seconds(float(begun)),
            last_s=seconds(float(ended)),
        )
        for kind, count, begun, ended in zip(kinds, counts, first, last, strict=True)
    ]
    rows.sort(key=lambda row: (-row.count, row.outcome, row.detail))
    return (*rows[:MOST], *_folded(rows[MOST:]))


def _folded(rows: Sequence[Failure]) -> list[Failure]:
    rest: dict[str, Failure] = {}
    for row in rows:
        one = rest.setdefault(row.outcome, replace(row, detail=OTHERS, count=0))
        rest[row.outcome] = replace(
            one,
            count=one.count + row.count,
            first_s=min(one.first_s, row.first_s),
            last_s=max(one.last_s, row.last_s),
        )
    return list(rest.values())
