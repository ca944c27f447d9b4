"""Read the parts of a summary.json that a list of runs and a pair of runs need, whichever version wrote it.

A field that an older version did not write is None. An unusable value (a verdict that is not text, a negative
time, a number that JSON does not have) makes the whole file damaged. Keys that are not listed may hold
anything.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from harness.foundation.untrusted.nesting import FILE_BYTES_MOST
from harness.run_directory.results.codec import DamagedError, one_line
from harness.run_directory.results.figures import Amount, Number
from harness.run_directory.results.summary import Summary

Whole = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class SeenTimes(Struct, frozen=True, kw_only=True):
    """Response times in ms."""

    p50: Number | None = None
    p90: Number | None = None
    p95: Amount | None = None
    p99: Number | None = None

    def at(self, quantile: str) -> float | None:
        """The percentile with this name."""
        value: float | None = getattr(self, quantile)
        return value


class SeenLatency(Struct, frozen=True, kw_only=True):
    """The latency that is compared: response times only."""

    response: SeenTimes


class SeenTotals(Struct, frozen=True, kw_only=True):
    """The totals of the whole run."""

    requests: Whole | None = None
    throughput_rps: Amount | None = None
    success_rate: Number | None = None
    ok: Whole | None = None
    failed: Whole | None = None


class SeenOperation(Struct, frozen=True, kw_only=True):
    """The calls of one operation by one class of users."""

    operation: str | None = None
    user_class: str | None = None
    ok: Whole | None = None
    failed: Whole | None = None
    throughput_rps: Number | None = None
    success_rate: Number | None = None
    latency_ms: SeenLatency = SeenLatency(response=SeenTimes())


class SeenFailure(Struct, frozen=True, kw_only=True):
    """One kind of failed calls."""

    outcome: str | None = None
    detail: str | None = None
    count: Whole | None = None


class SeenSessions(Struct, frozen=True, kw_only=True):
    """How many sessions were lost."""

    lost: Whole | None = None


class SeenPeak(Struct, frozen=True, kw_only=True):
    """The capacity."""

    peak_rps: Number | None = None


class SeenGenerator(Struct, frozen=True, kw_only=True):
    """Whether the load generator was the bottleneck."""

    saturated: bool | None = None
    run_delay_max: Number | None = None


class SeenStep(Struct, frozen=True, kw_only=True):
    """One level of load."""

    index: Whole | None = None
    kind: str | None = None
    users: Whole | None = None
    rate: Amount | None = None
    throughput_rps: Number | None = None
    success_rate: Number | None = None
    ok: Whole | None = None
    failed: Whole | None = None
    latency_ms: SeenLatency = SeenLatency(response=SeenTimes())
    warming_up_s: Number | None = None


class SeenFault(Struct, frozen=True, kw_only=True):
    """One fault, and how long the service took to recover from it."""

    name: str | None = None
    recover_s: Number | None = None


class SeenBreak(Struct, frozen=True, kw_only=True):
    """The breaking point: a number of users, or a rate."""

    users: Number | None = None
    rate: Number | UnsetType | None = UNSET


class SeenFound(Struct, frozen=True, kw_only=True):
    """The result of a search for capacity; `interval` is one of 90 %."""

    step: str | None = None
    unit: str | None = None
    word: str | None = None
    value: Number | None = None
    interval: tuple[Number, Number] | None = None


class SeenServer(Struct, frozen=True, kw_only=True):
    """The name and version that the server reports of itself."""

    name: str | None = None
    version: str | None = None


class SeenTarget(Struct, frozen=True, kw_only=True):
    """The target of the run."""

    protocol: str | None = None
    server: SeenServer | None = None
    rss_max_mb: Number | None = None


class Glance(Struct, frozen=True, kw_only=True):
    """The parts of a result that lists and comparisons need."""

    verdict: str
    totals: SeenTotals
    latency_ms: SeenLatency
    run_id: str | None = None
    command: str | None = None
    started_at: str | None = None
    target: SeenTarget | None = None
    steps: tuple[SeenStep, ...] | None = None
    breaking_point: SeenBreak | None = None
    found_capacity: tuple[SeenFound, ...] | UnsetType | None = UNSET
    faults: tuple[SeenFault, ...] | None = None
    objectives: tuple[Mapping[str, Any], ...] | None = None
    matrix: Any = None
    duration_s: Amount | None = None
    operations: tuple[SeenOperation, ...] | None = None
    failures: tuple[SeenFailure, ...] | None = None
    sessions: SeenSessions | None = None
    capacity: SeenPeak | None = None
    generator: SeenGenerator | None = None


def read(text: str | bytes) -> Glance:
    """The result in the text of a summary.json; DamagedError when it cannot be used."""
    try:
        return msgspec.json.decode(text, type=Glance)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DamagedError(str(error)) from error


def of_file(path: Path) -> Glance:
    """The result in a file; reads no more than a summary can have. OSError as usual."""
    with path.open("rb") as file:
        text = file.read(FILE_BYTES_MOST + 1)
    if len(text) > FILE_BYTES_MOST:
        raise DamagedError(f"it is larger than {FILE_BYTES_MOST:,} bytes")
    return read(text)


def of(summary: Summary) -> Glance:
    """The same parts of a result that was just computed."""
    return read(one_line(summary))
