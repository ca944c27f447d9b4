"""Calls that were started and have no row: how many, and whether that is all of them.

Definitions. Recorded: rows in samples.parquet. Started: calls that were given a number. For each worker three sources
tell of it, and the largest counts: its counter, which outlives a worker that is killed (harness.run_directory.started_calls); its
last report; the highest number in its rows. Lost: started and without a row, worker by worker, so that too many rows
of one cannot hide those that another lacks.

Started is exact for a worker whose counter was read, and for one that has said that it ended in good order. Of any
other (a worker on another machine that was lost) it is the least that is known: `lost_at_least` is true.
Runs of versions without counters say nothing of either: there, what is lost is the least that is known.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from harness.run_directory.event_kinds import Event, WorkerReport
from harness.run_directory.results import GeneratorHealth


@dataclass(frozen=True, slots=True)
class Numbering:
    """By worker: the number of rows, and how many calls were numbered at least."""

    rows: Mapping[int, int] = field(default_factory=dict)
    numbered: Mapping[int, int] = field(default_factory=dict)
    counted: Mapping[int, int] | None = None  # the counters, where the run has them


def numbering(frame: pd.DataFrame, counted: Mapping[int, int] | None = None) -> Numbering:
    """Read it from the columns `seq` and `worker`."""
    by_worker = frame.groupby("worker")["seq"]
    rows: dict[Any, int] = by_worker.size().to_dict()
    highest: dict[Any, int] = by_worker.max().to_dict()
    return Numbering(rows, {worker: int(seq) + 1 for worker, seq in highest.items()}, counted)


@dataclass(frozen=True, slots=True)
class Lost:
    """The numbers of calls that were started, that have a row, and that have none."""

    started: int
    recorded: int
    lost: int
    lost_at_least: bool


def told(count: Lost | GeneratorHealth) -> str:
    """Say in a sentence which rows are missing; empty when every call has a row."""
    lost, started = count.lost, count.started
    if lost:
        at_least = "at least " if count.lost_at_least else ""
        return f"{at_least}{lost:,} of {started:,} calls that were started have no row"
    if count.lost_at_least:
        return (
            f"more calls may have been started than the {started:,} that have a row: a worker left no count"
        )
    return ""


def measure(events: Iterable[Event], numbers: Numbering) -> Lost:
    """The values `started`, `recorded`, `lost` and `lost_at_least` of the generator in the summary."""
    happened = list(events)
    reports = [event for event in happened if isinstance(event, WorkerReport)]
    started_by_worker = {report.worker: report.started or 0 for report in reports}
    ended = {report.worker for report in reports if report.last}
    counted = numbers.counted or {}
    sources: tuple[Mapping[Any, int], ...] = (counted, started_by_worker, numbers.numbered, numbers.rows)
    workers = {worker for source in sources for worker in source}
    started = {worker: max(source.get(worker, 0) for source in sources) for worker in workers}
    lost = sum(count - numbers.rows.get(worker, 0) for worker, count in started.items())
    return Lost(
        started=sum(started.values()),
        recorded=sum(numbers.rows.values()),
        lost=lost,
        lost_at_least=lost > 0 if numbers.counted is None else not workers <= ended | set(counted),
    )
