"""How long calls took: mean, percentiles and maximum of durations.

Definitions. The percentile q of n values is the smallest value that at least q·n of them do not exceed
(nearest rank): always a value that was measured, never one between two. It is given only when at least ten
values lie above it, n·(1 - q) >= 10; below that it is noise, and None here. Mean and maximum are given
whenever there is a value.

Assumptions: durations are whole nanoseconds. Tables are over ok calls; how failed calls count in an
objective is the business of `observed`.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np

from harness.analysis.calls.calls import Calls, Ints
from harness.analysis.statistics.rounding import milliseconds
from harness.run_directory.results import Latency, Times
from harness.scenario.catalogue import QUANTILES

ABOVE: Final = 10


def needed(per_mille: int) -> int:
    """The fewest values for which a percentile is given: p50 20, p95 200, p99 1000."""
    return -(-ABOVE * 1000 // (1000 - per_mille))


def rank(count: int, per_mille: int) -> int:
    """The index of the percentile in sorted values."""
    return -(-count * per_mille // 1000) - 1


def percentiles(durations_ns: Ints, names: Iterable[str] = QUANTILES) -> dict[str, int | None]:
    """The percentiles of these durations, in ns; None when too few values lie above."""
    count = len(durations_ns)
    ranks = {
        name: rank(count, QUANTILES[name]) if count >= needed(QUANTILES[name]) else None for name in names
    }
    wanted = sorted({at for at in ranks.values() if at is not None})
    if not wanted:
        return dict.fromkeys(ranks)
    parted = np.partition(durations_ns, wanted)
    return {name: None if at is None else int(parted[at]) for name, at in ranks.items()}


def table(durations_ns: Ints) -> Times:
    """Mean, p50 to p999 and maximum, in ms."""
    if not len(durations_ns):
        return Times(mean=None, max=None, **dict.fromkeys(QUANTILES))
    inner = {name: milliseconds(value) for name, value in percentiles(durations_ns).items()}
    mean, most = float(durations_ns.mean()), int(durations_ns.max())
    return Times(mean=milliseconds(mean), max=milliseconds(most), **inner)


def tables(calls: Calls) -> Latency:
    """The response and service times of the ok calls, in ms."""
    return Latency(response=table(calls.response_ns()), service=table(calls.service_ns()))
