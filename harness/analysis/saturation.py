"""The load generator's own health: was it the server that was measured, or the generator?

Definitions. A worker is saturated when in some second of a measured window its CPU, the share of time it
waited for a processor, or the 99th percentile of its scheduling lag was above `LIMITS`. Seconds outside the
measured windows (users starting, steps settling) do not count; without any window all seconds do.
Started: calls numbered. Recorded: rows in samples.parquet. Lost: started and without a row; the numbers
(`seq`, from 0 in each worker) and the workers' last word both tell, and the larger of the two counts.

A value is None when no worker reported it: that is not health, and the verdict treats it as unknown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from harness.analysis.spans import Span
from harness.record import events as kinds
from harness.record.events import Event
from harness.units import NS_PER_S

# Above these the numbers are not the server's: the verdict is unknown.
LIMITS: Final[dict[str, float]] = {
    "cpu_max": 0.85,  # share of a core, any worker
    "run_delay_max": 0.10,  # share of the time spent waiting for a processor, any worker
    "lag_ms_p99": 10.0,  # scheduling lag
    "clock_error_ms": 5.0,  # between the clocks of workers on several machines
}


@dataclass(frozen=True, slots=True)
class Numbering:
    """What the rows say of themselves: how many there are, and how many numbers were given at least."""

    rows: int
    numbered: int


def numbering(frame: pd.DataFrame) -> Numbering:
    """From the columns `seq` and `worker`."""
    highest = frame.groupby("worker")["seq"].max()
    return Numbering(len(frame), int((highest + 1).sum()))


def measure(events: Iterable[Event], measured: Sequence[Span], rows: Numbering) -> dict[str, Any]:
    """`generator` of the summary, but for the workers and the clock, which metadata knows."""
    health = [event for event in events if event.event == kinds.GENERATOR]
    # A report tells of the second before it.
    inside = [one for one in health if any(start < one.at_ns <= end + NS_PER_S for start, end in measured)]
    load = inside or health
    lags = [lag for event in load for lag in _lags(event)]
    found = {
        "cpu_max": _most(event.data.get("cpu") for event in load),
        "run_delay_max": _most(event.data.get("run_delay") for event in load),
        "lag_ms_p99": round(float(np.percentile(lags, 99)), 3) if lags else None,
    }
    last = {event.data.get("worker"): int(event.data.get("started", 0)) for event in health}
    started = max(rows.numbered, rows.rows, sum(last.values()))
    return {
        **found,
        "saturated": bool(over(found)) if health else None,
        "started": started,
        "recorded": rows.rows,
        "lost": started - rows.rows,
    }


def over(generator: dict[str, Any]) -> list[str]:
    """The names of the limits that were exceeded."""
    return [name for name, limit in LIMITS.items() if (generator.get(name) or 0.0) > limit]


def read_ms_p99(events: Iterable[Event]) -> float | None:
    """How long replies lay in the kernel before a worker read them; None where no kernel told."""
    delays = [
        float(one)
        for event in events
        if event.event == kinds.GENERATOR
        for one in event.data.get("read_ms") or ()
    ]
    return round(float(np.percentile(delays, 99)), 3) if delays else None


def _lags(event: Event) -> list[float]:
    lag = event.data.get("lag_ms")
    return [float(one) for one in lag] if isinstance(lag, list) else [] if lag is None else [float(lag)]


def _most(values: Iterable[float | None]) -> float | None:
    return max((round(float(value), 4) for value in values if value is not None), default=None)
