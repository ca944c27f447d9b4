"""Runs of the history as tables and as JSON."""

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from hdrh.histogram import HdrHistogram

from harness.analysis.statistics.rounding import BLANK, show
from harness.cli.aligned import table
from harness.foundation.untrusted.printable import printable
from harness.history.marks import Note
from harness.history.record import HistogramRecord, OperationRecord, RunRecord, StepRecord, Times
from harness.history.store import VERIFY

HEADS = ("Run", "Scenario", "Branch", "Commit", "Verdict", "Throughput", "Success", "p50", "p95", "Remarks")
NUMBERS = range(5, 9)
COMMIT_CHARS = 9
QUANTILES = (50.0, 90.0, 95.0, 99.0, 99.9)
ABOVE_LEAST = 10  # calls above a percentile, else it is not said


def listed(runs: Sequence[RunRecord]) -> str:
    """Runs as a table."""
    return table(HEADS, [_row(run) for run in runs], NUMBERS)


def _row(run: RunRecord) -> tuple[str, ...]:
    counted = run.reasons if run.command == VERIFY else ()
    remarks = [*counted, *run.tags, *(["excluded"] if run.excluded is not None else [])]
    return (
        run.run_id,
        run.series.scenario,
        run.series.branch or BLANK,
        run.commit[:COMMIT_CHARS] or BLANK,
        run.verdict,
        show(run.throughput_rps, "per_s"),
        show(run.success_rate, "share"),
        show(run.times.p50, "ms"),
        show(run.times.p95, "ms"),
        ", ".join(remarks),
    )


def shown(run: RunRecord, notes: Sequence[Note]) -> str:
    """Everything that is kept of a run, in words."""
    of = run.series
    facts = [
        ("Run", f"{run.run_id}, {run.started_at[:19].replace('T', ' ')} UTC, {run.duration_s:.0f} s"),
        ("Series", f"{of.scenario} ({of.scenario_hash}), {of.target}, machine {of.machine}"),
        ("Commit", f"{run.commit or BLANK} on {of.branch or BLANK}"),
        ("Verdict", " ".join([run.verdict, *run.reasons])),
        ("Counts", "yes" if run.excluded is None and run.verdict != "unknown" else _why_not(run)),
        ("Tags", ", ".join(run.tags) or BLANK),
        ("Directory", run.run_dir or BLANK),
        *(("Note", f"{note.at[:16].replace('T', ' ')} {note.note}") for note in notes),
    ]
    lines = [f"{name:<10} {printable(text)}" for name, text in facts]
    parts = ["\n".join(lines), _checked(run)]
    if run.command != VERIFY:
        parts += [_measured(run), _timed(run), _disturbed(run)]
    return "\n\n".join(part for part in parts if part)


def _why_not(run: RunRecord) -> str:
    return (
        f"no: excluded: {run.excluded}" if run.excluded is not None else "no: it cannot be trusted (unknown)"
    )


def _checked(run: RunRecord) -> str:
    """The checks of a verification."""
    rows = [
        (f"P{one.priority}", one.category, one.name, one.outcome, show(one.duration_ms, "ms"))
        for one in run.checks
    ]
    return table(("", "Category", "Check", "Outcome", "Took"), rows, (4,)) if rows else ""


def _measured(run: RunRecord) -> str:
    parts: list[tuple[str, RunRecord | StepRecord | OperationRecord]] = [("whole run", run)]
    parts += [(step.name, step) for step in run.steps]
    parts += [(f"{one.operation} by {one.user_class}", one) for one in run.operations]
    rows = [
        (name, *_cells(part.requests, part.throughput_rps, part.success_rate, part.times))
        for name, part in parts
    ]
    return table(("Of", "Calls", "Throughput", "Success", "p50", "p95", "p99"), rows, range(1, 7))


def _cells(requests: int, throughput: float | None, success: float | None, times: Times) -> tuple[str, ...]:
    ms = (show(each, "ms") for each in (times.p50, times.p95, times.p99))
    return f"{requests:,}", show(throughput, "per_s"), show(success, "share"), *ms


def _timed(run: RunRecord) -> str:
    """Percentiles out of the histograms."""
    rows = [
        (one.name, one.timed, f"{one.count:,}", *(show(each, "ms") for each in percentiles(one)))
        for one in run.histograms
    ]
    heads = ("Of", "Time", "Ok calls", *(f"p{each:g}" for each in QUANTILES))
    return table(heads, rows, range(2, 3 + len(QUANTILES))) if rows else ""


def percentiles(one: HistogramRecord, quantiles: Sequence[float] = QUANTILES) -> Iterator[float | None]:
    """Percentiles of a histogram in ms; None where fewer than ten calls are above."""
    histogram = HdrHistogram.decode(base64.b64encode(one.data))
    for quantile in quantiles:
        enough = one.count * (100 - quantile) / 100 >= ABOVE_LEAST
        yield histogram.get_value_at_percentile(quantile) / 1000 if enough else None


def _disturbed(run: RunRecord) -> str:
    rows = [
        (
            one.name,
            one.kind,
            "healed" if one.healed else "not healed",
            show(one.recover_s, "s"),
            str(one.sessions_lost),
        )
        for one in run.faults
    ]
    faults = table(("Fault", "Kind", "", "Recovery", "Sessions lost"), rows, (3, 4)) if rows else ""
    bounds = [(one.objective, show_plain(one.observed), one.outcome) for one in run.objectives]
    objectives = table(("Objective", "Observed", "Outcome"), bounds, (1,)) if bounds else ""
    failed = [(one.outcome, one.detail, f"{one.count:,}") for one in run.failures]
    failures = table(("Failure", "Detail", "Count"), failed, (2,)) if failed else ""
    return "\n\n".join(part for part in (faults, objectives, failures) if part)


def show_plain(value: float | None) -> str:
    """A number without a unit."""
    return BLANK if value is None else f"{value:g}"


def as_object(run: RunRecord) -> Any:
    """A run as JSON has it."""
    return msgspec.to_builtins(run)
