"""Check that the users were running: the workers' reports between the start and the end of each step.

- A closed step is held by as many users as were asked for: every reading of every worker within it, added up, says so.
  Steps that end before each worker has been read once are not judged by this.
- A worker that has (nearly) as many files open as it may cannot connect: its failures are its own, not the server's.

Open load has as many users as it needs, so nothing is asked of those steps.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.run_directory.event_kinds import Event, StepAsked, StepDone, StepRunning, WorkerReport

FILES_SHARE_MAX = 0.98


@dataclass(frozen=True, slots=True)
class Absence:
    """A step with fewer users than were asked for, or more."""

    step: int
    asked: int
    seen: int


def absences(events: Sequence[Event]) -> list[Absence]:
    """The closed steps that are over and did not have the users that were asked for."""
    users = {one.index: one.users for one in events if isinstance(one, StepRunning)}
    rates = {one.index: one.rate for one in events if isinstance(one, StepAsked)}
    over = {one.index: one for one in events if isinstance(one, StepDone)}
    readings = [(one, one.users) for one in events if isinstance(one, WorkerReport) and one.users is not None]
    workers = {one.worker for one, _ in readings}
    missing = []
    for index, done in over.items():
        asked = users.get(index)
        if asked is None or rates.get(index) is not None:
            continue
        inside = [(one.worker, many) for one, many in readings if done.start_ns < one.at_ns < done.end_ns]
        seen = {worker: [many for whose, many in inside if whose == worker] for worker in workers}
        if not seen or not all(seen.values()):
            continue
        least, most = sum(map(min, seen.values())), sum(map(max, seen.values()))
        if least < asked or most > asked:
            missing.append(Absence(index, asked, least if least < asked else most))
    return missing


def out_of_files(events: Iterable[Event]) -> tuple[int, int] | None:
    """The open files of a worker and its limit, if it (nearly) reached that; else None."""
    worst = max(
        (
            (one.files_open or 0, int(one.files_max))
            for one in events
            if isinstance(one, WorkerReport) and one.files_max
        ),
        key=lambda files: files[0] / files[1],
        default=None,
    )
    return worst if worst is not None and worst[0] >= worst[1] * FILES_SHARE_MAX else None
