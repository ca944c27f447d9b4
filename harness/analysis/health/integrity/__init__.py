"""Find damage to the files of a run by contradictions in their contents.

Each module checks one part, and yields one sentence for each thing that is impossible:

    rows      samples.parquet: the numbers, the times, the words of each call
    order     the same: the calls of one worker, and of one user, one after the other
    happened  events.jsonl: steps and faults in the order in which they can happen
    reports   events.jsonl: what workers said of themselves, beside their rows
    promises  work.jsonl: entries that were written, and what was read back
    papers    plan.json, metadata.json, scenario.yaml, against each other and against what happened

A run with any of these is unknown: no number of it can be trusted. What is merely missing because a run was cut off,
interrupted, or lost a worker is no damage; the verdict has reasons of its own for those.

Not every run was made by real workers. What is asked of everybody: order of times, known words, distinct numbers.
What is asked where the conductor wrote the events (`Record.conducted`): every step whole, counts that agree.
What is asked of processes that made calls (`Record.real`): reports twice a second, users of one call at a time.

It does not know who changed a file, or why. A change that contradicts nothing (all latencies a little shorter) is
not seen here; the checksums that are written when a run ends see it (harness.run_directory.checksums).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from harness.analysis.finding import Finding, unknown
from harness.analysis.health.integrity import (
    documents,
    event_order,
    row_order,
    rows,
    work_entries,
    worker_reports,
)
from harness.analysis.health.integrity.files import Record

SHOWN_MOST: Final = 5

Check = Callable[[Record], Iterable[str]]
CHECKS: Final[tuple[Check, ...]] = (
    documents.find,
    event_order.find,
    rows.find,
    row_order.find,
    worker_reports.find,
    work_entries.find,
)


def find(record: Record) -> tuple[str, ...]:
    """List the damage to the files of a run; empty for nearly all runs."""
    contradictions = [*(text for check in CHECKS for text in _safely(check, record)), *record.unread]
    return tuple(dict.fromkeys(contradictions))


def findings(damage: Sequence[str]) -> list[Finding]:
    """The findings for the verdict: the first few damages, and how many more there are."""
    more = len(damage) - SHOWN_MOST
    listed = [one for text in damage[:SHOWN_MOST] for one in unknown(f"the run is damaged: {text}")]
    return listed + (unknown(f"the run is damaged in {more} more ways") if more > 0 else [])


def _safely(check: Check, record: Record) -> list[str]:
    """Run one check; if it crashes, the damage is that the file cannot be read."""
    try:
        return list(check(record))
    except Exception as error:
        return [f"{check.__module__.rpartition('.')[2]} cannot be checked: {error!r}"]
