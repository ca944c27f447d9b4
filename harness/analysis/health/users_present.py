"""Were the users there? What the workers say of themselves between the start and the end of each step.

- A closed step is held by as many users as were asked for: every reading of every worker within it, added up, says so.
  Steps that end before each worker has been read once are not judged by this.
- A worker that has (nearly) as many files open as it may cannot connect: its failures are its own, not the server's.

Open load has as many users as it needs, so nothing is asked of those steps.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.run_directory import events as kinds
from harness.run_directory.events import Event

FILES_SHARE_MAX = 0.98


@dataclass(frozen=True, slots=True)
class Absence:
    """A step with fewer users than were asked for, or more."""

    step: int
    asked: int
    seen: int


def absences(events: Sequence[Event]) -> list[Absence]:
    """Of every closed step that is over."""
    data: dict[tuple[str, Any], dict[str, Any]] = {
        (one.event, one.data.get("index")): one.data for one in events if "index" in one.data
    }
    readings = [one for one in events if one.event == kinds.GENERATOR and "users" in one.data]
    workers = {one.data.get("worker") for one in readings}
    found = []
    for (kind, index), done in data.items():
        asked = data.get((kinds.STEP_RUNNING, index), {}).get("users")
        is_open = data.get((kinds.STEP_ASKED, index), {}).get("rate") is not None
        if kind != kinds.STEP_DONE or asked is None or is_open:
            continue
        inside = [one for one in readings if done["start_ns"] < one.at_ns < done["end_ns"]]
        seen = {
            worker: [int(one.data["users"]) for one in inside if one.data.get("worker") == worker]
            for worker in workers
        }
        if not seen or not all(seen.values()):
            continue
        least, most = sum(map(min, seen.values())), sum(map(max, seen.values()))
        if least < asked or most > asked:
            found.append(Absence(index, asked, least if least < asked else most))
    return found


def out_of_files(events: Iterable[Event]) -> tuple[int, int] | None:
    """The most files that a worker had open, and how many it may have, if that was all of them."""
    worst = max(
        (
            (one.data["files_open"], one.data["files_max"])
            for one in events
            if one.event == kinds.GENERATOR and one.data.get("files_max")
        ),
        key=lambda files: files[0] / files[1],
        default=None,
    )
    return worst if worst is not None and worst[0] >= worst[1] * FILES_SHARE_MAX else None
