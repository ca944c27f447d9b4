"""The load generator's own health: was it the server that was measured, or the generator?

Definitions. A worker is saturated when in some second of a measured window its CPU, the share of time it
waited for a processor, or the 99th percentile of its scheduling lag was above `LIMITS`. Seconds whose middle is
outside the measured windows (users starting, steps settling) do not count; without any window all seconds do.
Workers report more often than once a second: a second is the reports it is made of, each by its length.

A value is None when no worker reported it: that is not health, and the verdict treats it as unknown.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

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

NEARLY_NS: Final = NS_PER_S * 9 // 10  # reports come a little early or late


def measure(events: Iterable[Event], measured: Sequence[Span]) -> dict[str, Any]:
    """The health in `generator` of the summary."""
    health = [event for event in events if event.event == kinds.GENERATOR]
    inside = [one for one in health if _is_inside(one.at_ns, measured)]
    spans = measured if inside else ()
    lags = [lag for event in inside or health for lag in _lags(event)]
    found = {
        "cpu_max": _worst(health, "cpu", spans),
        "run_delay_max": _worst(health, "run_delay", spans),
        "lag_ms_p99": round(float(np.percentile(lags, 99)), 3) if lags else None,
    }
    return {**found, "saturated": bool(over(found)) if health else None}


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


def by_the_second(reports: Sequence[tuple[int, float]]) -> list[float]:
    """Of one worker's reports, (end_ns, share) in order of time: the share over the second that each ends."""
    if not reports:
        return []
    ends, shares = np.array(reports).T
    begun = ends[0] - NS_PER_S  # nobody says how much the first one tells of
    times = np.concatenate([[begun], ends])
    spent = np.concatenate([[0.0], np.cumsum(shares * np.diff(times))])
    since = np.searchsorted(times, ends - NEARLY_NS, side="right") - 1
    over_seconds: list[float] = ((spent[1:] - spent[since]) / (ends - times[since])).round(4).tolist()
    return over_seconds


def _lags(event: Event) -> list[float]:
    lag = event.data.get("lag_ms")
    return [float(one) for one in lag] if isinstance(lag, list) else [] if lag is None else [float(lag)]


def _worst(health: Iterable[Event], gauge: str, measured: Sequence[Span]) -> float | None:
    """The worst second of any worker."""
    told = defaultdict(list)
    for one in health:
        if (share := one.data.get(gauge)) is not None:
            told[one.data.get("worker")].append((one.at_ns, float(share)))
    return max(
        (
            share
            for reports in told.values()
            for (end_ns, _), share in zip(reports, by_the_second(reports), strict=True)
            if not measured or _is_inside(end_ns, measured)
        ),
        default=None,
    )


def _is_inside(end_ns: int, measured: Iterable[Span]) -> bool:
    """Whether the middle of the second that ends here is measured."""
    middle_ns = end_ns - NS_PER_S // 2
    return any(start < middle_ns <= end + NS_PER_S // 2 for start, end in measured)
