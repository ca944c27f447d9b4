"""Make the record of a run from its directory: summary.json, metadata.json, plan.json, scenario.yaml, events, rows.

The files were written by this version: a summary of an older one is refused (RecordError), and so is a directory
without one. Rows that cannot be read leave the record without histograms. Nothing is written.

Figures are those of harness.history.comparison.run_figures: a run is compared alike from its directory and from here.
"""

import base64
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from hdrh.histogram import HdrHistogram
from pyarrow import ArrowException

from harness.analysis.calls.calls import OK, Calls, Ints
from harness.analysis.calls.histograms import rounded
from harness.foundation.units import NS_PER_S
from harness.foundation.untrusted import nesting
from harness.history.comparison import run_figures
from harness.history.comparison.run_figures import CLIMBING
from harness.history.record import (
    FaultRecord,
    HistogramRecord,
    MatrixRecord,
    ObjectiveRecord,
    OperationRecord,
    Part,
    RunRecord,
    Series,
    StepRecord,
    Timed,
    Times,
)
from harness.report.hdr import DIGITS, HIGHEST_US
from harness.run_directory.directory import RunDirectory, no_file
from harness.run_directory.event_kinds import StepAsked
from harness.run_directory.events import read_events
from harness.run_directory.results import Latency, StepResult, Summary, codec
from harness.run_directory.samples import load_whole


class RecordError(ValueError):
    """The directory cannot go into the history; the message says why."""


Record = TypeVar("Record", bound=msgspec.Struct)


def record(run_dir: Path, *, interrupted: bool = False, night: str = "") -> RunRecord:
    """The record of a run, with histograms where its rows are there."""
    directory = RunDirectory(run_dir)
    if (odd := no_file(run_dir)) is not None:
        raise RecordError(f"{odd} is no file")
    summary, metadata = _summary(run_dir), _object(run_dir / "metadata.json")
    names = {one.index: one.name for one in read_events(directory.events) if isinstance(one, StepAsked)}
    steps = tuple(_steps(summary.steps, names))
    breaking_point = summary.breaking_point
    measured = run_figures.of_directory(run_dir)
    return RunRecord(
        run_id=summary.run_id or run_dir.name,
        series=Series(
            scenario=measured.scenario,
            scenario_hash=measured.kind.scenario,
            target=measured.kind.target,
            machine=measured.kind.machine,
            branch=str(metadata.get("branch") or ""),
        ),
        started_at=summary.started_at or "",
        duration_s=float(summary.duration_s),
        command=summary.command or "",
        commit=str(metadata.get("commit") or ""),
        versions={str(key): str(value) for key, value in _mapping(metadata.get("versions")).items()}
        | {"system": measured.system},
        protocol=measured.kind.protocol,
        version=measured.version,
        seed=summary.seed,
        workers=summary.generator.workers,
        verdict=summary.verdict,
        reasons=summary.reasons,
        exit_code=summary.exit_code,
        requests=summary.totals.requests,
        ok=summary.totals.ok,
        failed=summary.totals.failed,
        success_rate=summary.totals.success_rate,
        throughput_rps=summary.totals.throughput_rps,
        times=_times(summary.latency_ms),
        breaking_users=None if breaking_point is None else breaking_point.users,
        breaking_rate=None if breaking_point is None else breaking_point.at_rate,
        last_good_users=_last_good(summary),
        capacity_users=None if summary.capacity is None else summary.capacity.peak_users,
        capacity_rps=None if summary.capacity is None else summary.capacity.peak_rps,
        memory_mb=summary.target.rss_max_mb,
        sessions_opened=summary.sessions.opened,
        sessions_lost=summary.sessions.lost,
        saturated=summary.generator.saturated,
        noise=measured.noise,
        run_dir=str(run_dir.absolute()),
        night=night,
        steps=steps,
        operations=tuple(
            _copied(OperationRecord, one, times=_times(one.latency_ms)) for one in summary.operations
        ),
        faults=tuple(_copied(FaultRecord, one) for one in summary.faults),
        objectives=tuple(_copied(ObjectiveRecord, one) for one in summary.objectives),
        failures=measured.errors,
        figures=measured.values,
        matrix=tuple(_copied(MatrixRecord, one) for one in (summary.matrix.rows if summary.matrix else ())),
        histograms=tuple(_histograms(directory.samples, summary.steps, steps)),
        excluded="it was interrupted" if interrupted else None,
    )


def _copied(kind: type[Record], result: msgspec.Struct, **others: Any) -> Record:
    """A record with the values that the result has under the same names."""
    names = (one.name for one in msgspec.structs.fields(kind) if one.name not in others)
    return kind(**{name: getattr(result, name) for name in names}, **others)


def _summary(run_dir: Path) -> Summary:
    try:
        with (run_dir / "summary.json").open("rb") as file:
            return codec.decode(file.read(nesting.FILE_BYTES_MOST))
    except OSError as error:
        raise RecordError(f"it has no summary.json ({error.strerror})") from error
    except codec.DamagedError as error:
        raise RecordError(f"its summary.json is damaged, or from another version: {error}") from error


def _object(path: Path) -> Mapping[str, Any]:
    try:
        value = nesting.of_file(path)
    except (OSError, ValueError) as error:
        raise RecordError(f"{path.name} cannot be read: {error}") from error
    return _mapping(value)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _steps(results: Sequence[StepResult], names: Mapping[int, str]) -> Iterator[StepRecord]:
    """Steps by unique names: `climb 25 users` for a level of a ramp, `steady 2` for a second one of its name."""
    times: Counter[str] = Counter()
    for one in results:
        name = names.get(one.index) or one.kind
        if one.kind in CLIMBING:
            name = f"{name} {one.users} users" if one.rate is None else f"{name} {one.rate:g}/s"
        times[name] += 1
        yield StepRecord(
            index=one.index,
            name=name if times[name] == 1 else f"{name} {times[name]}",
            kind=one.kind,
            users=one.users,
            rate=one.rate,
            requests=one.requests,
            ok=one.ok,
            failed=one.failed,
            success_rate=one.success_rate,
            throughput_rps=one.throughput_rps,
            times=_times(one.latency_ms),
        )


def _times(latency: Latency) -> Times:
    response = latency.response
    return Times(p50=response.p50, p90=response.p90, p95=response.p95, p99=response.p99)


def _last_good(summary: Summary) -> float | None:
    """The highest level that was still good; of a ramp that did not break, its highest."""
    if summary.breaking_point is not None:
        return summary.breaking_point.last_good_users
    levels = [one.users for one in summary.steps if one.kind in CLIMBING and one.users is not None]
    return max(levels, default=None)


def _histograms(
    samples: Path, results: Sequence[StepResult], steps: Sequence[StepRecord]
) -> Iterator[HistogramRecord]:
    """Yield the histograms of each step's measured part, and of each operation over the whole run."""
    try:
        calls = Calls.of(load_whole(samples)[0]).of_load()
    except (OSError, ArrowException, msgspec.MsgspecError, ValueError, KeyError):
        return
    for result, step in zip(results, steps, strict=True):
        inside = calls.between(int(result.start_s * NS_PER_S), int(result.end_s * NS_PER_S))
        yield from _both("step", step.name, inside)
    for name in calls.names["operation"]:
        yield from _both("operation", name, calls.of_operation(name))


def _both(part: Part, name: str, calls: Calls) -> Iterator[HistogramRecord]:
    if not calls.count(OK):
        return
    both: tuple[tuple[Timed, Ints], ...] = (
        ("response", calls.response_ns()),
        ("service", calls.service_ns()),
    )
    for timed, durations in both:
        histogram = HdrHistogram(1, HIGHEST_US, DIGITS)
        for value, count in zip(*np.unique(rounded(durations), return_counts=True), strict=True):
            histogram.record_value(min(int(value), HIGHEST_US), int(count))
        data = base64.b64decode(histogram.encode())
        yield HistogramRecord(part=part, name=name, timed=timed, count=len(durations), data=data)
