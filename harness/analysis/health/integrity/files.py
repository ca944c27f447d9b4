"""The content of the run's files, for the checks of this package."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import pandas as pd

from harness.run_directory.event_kinds import Event, RunEnded, RunStarted, WorkerReport, WorkerTrouble

Kind = TypeVar("Kind", bound=Event)
IN_ORDER: Final = ("completed", "broke", "no_good_level")


@dataclass(frozen=True, kw_only=True)
class Record:
    """The content of the run's files, for these checks; None means that there is no such file."""

    rows: pd.DataFrame
    events: Sequence[Event]
    metadata: Mapping[str, Any] | None
    plan: Mapping[str, Any] | None
    scenario: Mapping[str, Any] | None = None
    work: Sequence[Mapping[str, Any]] = ()
    run_name: str = ""  # the name of the run directory
    unread: Sequence[str] = ()  # what could not be read at all

    def of(self, kind: type[Kind]) -> Iterator[Kind]:
        """The events of this kind, in the order of the file."""
        return (event for event in self.events if isinstance(event, kind))

    @property
    def started_ns(self) -> int | None:
        return next((event.at_ns for event in self.of(RunStarted)), None)

    @property
    def ended(self) -> RunEnded | None:
        return next(self.of(RunEnded), None)

    @property
    def whole(self) -> bool:
        """Whether the run was played to its end, so that no part may be missing."""
        ended = self.ended
        return ended is not None and ended.reason in IN_ORDER and not self.troubled

    @property
    def troubled(self) -> bool:
        """Whether a worker was lost or could not write, so that its part may be missing."""
        return any(isinstance(event, WorkerTrouble) for event in self.events)

    @property
    def conducted(self) -> bool:
        """Whether the conductor wrote all events."""
        return any(event.files_max is not None for event in self.of(WorkerReport))

    @property
    def real(self) -> bool:
        """Whether real processes made the calls: only they report open files."""
        return any(event.files_max for event in self.of(WorkerReport))

    def number(self, name: str) -> float | None:
        """A number in metadata.json; None when it is missing or not a number."""
        value = (self.metadata or {}).get(name)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
