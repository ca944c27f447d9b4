"""What a run left behind, as it lies in its files, for the checks of this package."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from harness.run_directory import events as kinds
from harness.run_directory.events import Event

TROUBLES: Final = (kinds.WORKER_LOST, kinds.ROWS_UNWRITTEN)
IN_ORDER: Final = ("completed", "broke", "no_good_level")


@dataclass(frozen=True, kw_only=True)
class Record:
    """Rows with every column of the schema, events that can be read, and the papers; None: there is no such file."""

    rows: pd.DataFrame
    events: Sequence[Event]
    metadata: Mapping[str, Any] | None
    plan: Mapping[str, Any] | None
    scenario: Mapping[str, Any] | None = None
    work: Sequence[Mapping[str, Any]] = ()
    run_name: str = ""  # of the directory
    unread: Sequence[str] = ()  # what could not be read at all

    def of(self, *names: str) -> Iterator[Event]:
        """The events of these kinds, as they stand in the file."""
        return (event for event in self.events if event.event in names)

    @property
    def started_ns(self) -> int | None:
        return next((event.at_ns for event in self.of(kinds.RUN_STARTED)), None)

    @property
    def ended(self) -> Event | None:
        return next(self.of(kinds.RUN_ENDED), None)

    @property
    def whole(self) -> bool:
        """It was played to its end: every part of it must be there."""
        ended = self.ended
        return ended is not None and ended.data["reason"] in IN_ORDER and not self.troubled

    @property
    def troubled(self) -> bool:
        """A worker was lost, or could not write: its part may be missing."""
        return any(True for _ in self.of(*TROUBLES))

    @property
    def conducted(self) -> bool:
        """The conductor wrote the events, in full."""
        return any("files_max" in event.data for event in self.of(kinds.GENERATOR))

    @property
    def real(self) -> bool:
        """Processes made the calls: they have files open."""
        return any(event.data.get("files_max") for event in self.of(kinds.GENERATOR))

    def number(self, name: str) -> float | None:
        """A number in the metadata."""
        value = (self.metadata or {}).get(name)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
