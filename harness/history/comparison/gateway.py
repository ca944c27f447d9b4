"""What a gateway adds: the same load direct and through it, run for run by turns. Pure.

Each run through the gateway is paired with the direct run beside it, so that a drift of the machine falls on both. What it adds
is the mean of their differences; the interval is Student's t of 95 %. With fewer than three pairs there is none.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct

from harness.history.comparison.measured import MeasuredRun, Value

PAIRS_LEAST = 3
TAIL = 0.025
LATENCIES = ("p50", "p95", "p99")


class Estimate(Struct, frozen=True, kw_only=True):
    """A mean over runs, with its interval of 95 %."""

    value: float
    interval: tuple[float, float] | None


class Added(Struct, frozen=True, kw_only=True):
    """One percentile: direct, through the gateway, and the difference, in ms."""

    of: str
    name: str
    direct_ms: float
    through_ms: float
    added_ms: Estimate


class Spent(Struct, frozen=True, kw_only=True):
    """What one run cost: calls, those that failed, and a process that was seen meanwhile (None: it was not)."""

    calls: int
    failed: int
    cpu_s: float | None = None
    rss_mb: float | None = None


class GatewayCost(Struct, frozen=True, kw_only=True):
    """Everything that a gateway adds, and what is lost in it."""

    url: str
    added: tuple[Added, ...]
    failed_direct: tuple[int, int]  # failed calls, of so many
    failed_through: tuple[int, int]
    cpu_ms_a_call: Estimate | None  # of the gateway's own process
    memory_mb: float | None


def cost(
    url: str,
    direct: Sequence[MeasuredRun],
    through: Sequence[MeasuredRun],
    spent_direct: Sequence[Spent],
    spent_through: Sequence[Spent],
) -> GatewayCost:
    """The cost, of runs in the order in which they were made."""
    cpu = [1000 * one.cpu_s / one.calls for one in spent_through if one.cpu_s is not None and one.calls]
    memory = [one.rss_mb for one in spent_through if one.rss_mb is not None]
    return GatewayCost(
        url=url,
        added=tuple(_added(direct, through)),
        failed_direct=_failed(spent_direct),
        failed_through=_failed(spent_through),
        cpu_ms_a_call=_estimate(cpu) if cpu else None,
        memory_mb=max(memory, default=None),
    )


def _added(direct: Sequence[MeasuredRun], through: Sequence[MeasuredRun]) -> Iterator[Added]:
    first = (
        [value for value in direct[0].values if value.leading and value.name in LATENCIES] if direct else []
    )
    for value in first:
        pairs = [
            (a, b)
            for one, other in zip(direct, through, strict=False)
            if (a := _of(one, value)) is not None and (b := _of(other, value)) is not None
        ]
        if pairs:
            yield Added(
                of=value.of,
                name=value.name,
                direct_ms=sum(a for a, _ in pairs) / len(pairs),
                through_ms=sum(b for _, b in pairs) / len(pairs),
                added_ms=_estimate([b - a for a, b in pairs]),
            )


def _of(run: MeasuredRun, like: Value) -> float | None:
    return next((one.value for one in run.values if (one.of, one.name) == (like.of, like.name)), None)


def _estimate(numbers: Sequence[float]) -> Estimate:
    from scipy import special  # slow to import: only those who have a gateway wait for it

    mean = float(np.mean(numbers))
    if len(numbers) < PAIRS_LEAST:
        return Estimate(value=mean, interval=None)
    error = float(np.std(numbers, ddof=1)) / math.sqrt(len(numbers))
    half = error * float(special.stdtrit(len(numbers) - 1, 1 - TAIL))
    return Estimate(value=mean, interval=(mean - half, mean + half))


def _failed(spent: Sequence[Spent]) -> tuple[int, int]:
    return sum(one.failed for one in spent), sum(one.calls for one in spent)


def lines(found: GatewayCost) -> list[list[str]]:
    """A table: what, direct, through the gateway, what it adds, with its interval."""
    rows = [["Of", "Figure", "Direct", "Gateway", "Added", "95 % interval"]]
    rows += [
        [
            one.of,
            one.name,
            _ms(one.direct_ms),
            _ms(one.through_ms),
            _ms(one.added_ms.value),
            _span(one.added_ms),
        ]
        for one in found.added
    ]
    rows.append(["calls", "failed", _share(found.failed_direct), _share(found.failed_through), "", ""])
    if found.cpu_ms_a_call is not None:
        each = found.cpu_ms_a_call
        rows.append(["gateway", "CPU a call", "", _ms(each.value), _ms(each.value), _span(each)])
    if found.memory_mb is not None:
        rows.append(["gateway", "memory", "", f"{found.memory_mb:.1f} MB", f"{found.memory_mb:.1f} MB", ""])
    return rows


def _ms(value: float) -> str:
    return f"{value:.2f} ms"


def _span(estimate: Estimate) -> str:
    if estimate.interval is None:
        return "unknown"
    low, high = estimate.interval
    return f"{low:.2f} to {high:.2f} ms"


def _share(failed: tuple[int, int]) -> str:
    return f"{failed[0]:,} of {failed[1]:,}"
