"""Open load: which arrivals nobody took, and whether the generator kept up with its own schedule.

Definitions. Not sent: arrivals that found no free session, a pool that could not grow, and a full queue; each counts
by its intended start. A step's own number is exact (the conductor counted them when it judged the step); any other
time is known to a tenth of a second, which is how finely events.jsonl tells.
Kept up: of the arrivals whose time came in a step, the share that the generator had looked at by the end of it (given
to a session, queued, or not sent). Waiting for a busy server is no lateness of the generator. Below `KEPT_UP_MIN` the
load was not the one that was asked for.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from harness.analysis.statistics.spans import Span
from harness.foundation.units import NS_PER_MS
from harness.run_directory.event_kinds import Event, WorkerReport
from harness.run_directory.results import StepResult

KEPT_UP_MIN: Final = 0.98

Unsent = tuple[tuple[int, int], ...]  # from when, how many


def unsent(events: Iterable[Event]) -> Unsent:
    """Each tenth of a second in which arrivals were not sent: its start, and how many."""
    counts = (event.not_sent or () for event in events if isinstance(event, WorkerReport))
    return tuple((int(at_ms) * NS_PER_MS, int(count)) for buckets in counts for at_ms, count in buckets)


def within(late_arrivals: Unsent, where: Iterable[Span]) -> int:
    """The number of unsent arrivals that were intended within these spans."""
    spans = list(where)
    return sum(count for at_ns, count in late_arrivals if any(start <= at_ns < end for start, end in spans))


def kept_up(events: Iterable[Event], start_ns: int, end_ns: int) -> float | None:
    """The share of due arrivals that the generator handled in a window; None when it reported too little."""
    by_worker: dict[int, list[tuple[int, int]]] = {}
    for event in events:
        if (
            isinstance(event, WorkerReport)
            and event.arrived is not None
            and start_ns <= event.at_ns <= end_ns
        ):
            by_worker.setdefault(event.worker, []).append((event.arrived, event.overdue or 0))
    looked = due = 0
    for reports in by_worker.values():
        (arrived, overdue), (arrived_last, overdue_last) = reports[0], reports[-1]
        looked += arrived_last - arrived
        due += arrived_last + overdue_last - arrived - overdue
    return looked / due if due > 0 else None


def fell_behind(events: Sequence[Event], steps: Iterable[StepResult]) -> list[tuple[StepResult, float]]:
    """The steps of open load that were below their rate, each with the share that was reached."""
    open_load = [step for step in steps if step.rate is not None]
    shares = [(step, kept_up(events, int(step.start_s * 1e9), int(step.end_s * 1e9))) for step in open_load]
    return [(step, share) for step, share in shares if share is not None and share < KEPT_UP_MIN]
