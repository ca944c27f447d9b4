"""Compare the reports that workers send twice a second with the rows that they wrote.

- A worker that has rows has reports; a measured step has no `GAP_S` without one, the rest of a run no `SILENT_S`.
  (After that long the engine itself ends the run.) Where reports are missing nobody knows how the generator was. A worker
  that did not run is no damage (`analysis.health.stalls`).
- From report to report time goes on, and the counts only grow; started = recorded + open.
- Rows that a report counts are there: at its time at least so many calls had begun, and those that were done
  `WRITTEN_S` before are in its count.
- The last report of a run that ended in order counts every row.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from harness.analysis.health import stalls
from harness.analysis.health.integrity.files import Record
from harness.foundation.units import NS_PER_S
from harness.run_directory.event_kinds import StepDone, WorkerReport

GAP_S: Final = 3.0
SILENT_S: Final = 12.0
WRITTEN_S: Final = 3.0  # a stream is drained, a block is due


def find(record: Record) -> Iterator[str]:
    """Yield one sentence for each contradiction in the workers' reports."""
    if not record.conducted:
        return
    reports: dict[int, list[WorkerReport]] = {}
    for event in record.of(WorkerReport):
        reports.setdefault(event.worker, []).append(event)
    of_rows = {int(worker) for worker in record.rows["worker"].unique()}
    for worker in sorted(of_rows - reports.keys()):
        yield f"worker {worker} has rows, but sent no report"
    for worker, sent in sorted(reports.items()):
        yield from _told(worker, sent)
        if not record.troubled:
            yield from _gaps(record, worker, sent)
            yield from _rows(record, worker, sent)
    workers = record.number("workers")
    if record.real and record.whole and workers:
        for worker in sorted(set(range(int(workers))) - reports.keys()):
            yield f"worker {worker} sent no report"


def _told(worker: int, reports: Sequence[WorkerReport]) -> Iterator[str]:
    """Check each report against the one before."""
    for before, after in pairwise(reports):
        if after.at_ns < before.at_ns:
            yield f"worker {worker} reported out of order, {_at(after)}"
            return
        if any(now < was for was, now in zip(_counts(before), _counts(after), strict=True)):
            yield f"worker {worker} reported a lower count than before, {_at(after)}"
            return
    for event in reports:
        (started, recorded), left = _counts(event), event.open_calls or 0
        if started != recorded + left:
            yield f"worker {worker} had started {started} calls, recorded {recorded} and {left} open, {_at(event)}"
            return


def _counts(event: WorkerReport) -> tuple[int, int]:
    """The numbers of calls started and recorded."""
    return event.started or 0, event.recorded or 0


def _gaps(record: Record, worker: int, reports: Sequence[WorkerReport]) -> Iterator[str]:
    """Check the longest time without a report, in the run and in each measured step."""
    times = np.array([event.at_ns for event in reports])
    measured = [(event.start_ns, event.end_ns) for event in record.of(StepDone)]
    begun = max(record.started_ns or 0, int(times[0]))
    over = max([begun, *(end for _, end in measured)])
    for (start, end), limit_s in [((begun, over), SILENT_S), *((span, GAP_S) for span in measured)]:
        first, last = np.searchsorted(times, start, side="right"), np.searchsorted(times, end)
        edges = np.array([times[first - 1] if first else start, *times[first:last]])
        edges = np.append(edges, times[last] if last < len(times) else end)
        stalled = {one.end_ns for one in stalls.of_workers(reports)}
        gaps = np.where([end in stalled for end in edges[1:].tolist()], 0, np.diff(edges))
        at = int(gaps.argmax())
        if gaps[at] > limit_s * NS_PER_S:
            yield (
                f"worker {worker} sent no report for {gaps[at] / NS_PER_S:.1f} s, "
                f"{edges[at] / NS_PER_S:.1f} s into the run (a report is due twice a second)"
            )
            return


def _rows(record: Record, worker: int, reports: Sequence[WorkerReport]) -> Iterator[str]:
    mine = (record.rows["worker"] == worker).to_numpy()
    sent = np.sort(record.rows["sent_ns"].to_numpy()[mine])
    done = np.sort(record.rows["done_ns"].to_numpy()[mine])
    for event in reports:
        recorded = event.recorded
        if recorded is None:
            continue
        begun = int(np.searchsorted(sent, event.at_ns, side="right"))
        written = int(np.searchsorted(done, event.at_ns - WRITTEN_S * NS_PER_S, side="right"))
        if begun < recorded:
            yield f"worker {worker} had recorded {recorded} calls, and {begun} have a row, {_at(event)}"
            return
        if written > recorded:
            yield f"worker {worker} had recorded {recorded} calls, and {written} rows are older, {_at(event)}"
            return
    last = reports[-1].recorded
    if record.whole and last is not None and last != len(sent):
        yield f"worker {worker} recorded {last} calls, and {len(sent)} have a row"


def _at(event: WorkerReport) -> str:
    return f"{event.at_ns / NS_PER_S:.1f} s into the run"
