"""The numbers that results are made of: counts, shares, times of calls, and 95 % intervals.

A number keeps the form in which it was measured: 5 stays 5 and 5.0 stays 5.0, so that a file that is read and written
again is the same. None is what nobody can say.
"""

from typing import Annotated

from msgspec import Meta, Struct

Number = int | float
Amount = Annotated[int, Meta(ge=0)] | Annotated[float, Meta(ge=0)]
Share = Annotated[int, Meta(ge=0, le=1)] | Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0)]
Several = Annotated[int, Meta(ge=1)]
Interval = Annotated[tuple[int | float, int | float], Meta(description="lower and upper end")]


class Times(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Milliseconds of ok calls; a percentile with fewer than ten calls above it is null."""

    mean: Number | None
    p50: Number | None
    p90: Number | None
    p95: Number | None
    p99: Number | None
    p999: Number | None
    max: Number | None

    def at(self, quantile: str) -> float | None:
        """The percentile of this name."""
        value: float | None = getattr(self, quantile)
        return value


class Latency(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Response time counts from the intended start, service time from the moment the call was sent."""

    response: Times
    service: Times


class Intervals(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """95 % intervals of the figures of the whole run; null where an end is unknown."""

    success_rate: Interval | None
    throughput_rps: Interval | None
    p50_ms: Interval | None
    p95_ms: Interval | None
    p99_ms: Interval | None
