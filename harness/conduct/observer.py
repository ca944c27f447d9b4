"""Who stands beside a load while it is played: is told how it goes, and is asked what else goes on.

step_began    a load step has all its users: faults are anchored to that
second        once a second: what there is to see, and every row that has come since the last time
faults        those that are on
has_enough    nothing more is wanted: a step that is held by time ends early
"""

from collections.abc import Sequence
from typing import Protocol

from harness.conduct.following import Rows
from harness.conduct.live.live_json import LiveSnapshot


class Observer(Protocol):
    """Of one run."""

    def step_began(self, name: str | None, at_ns: int) -> None:
        """Without a name: the run begins."""
        ...

    def second(self, shown: LiveSnapshot, rows: Rows) -> None:
        """What is raised here ends the run."""
        ...

    def faults(self) -> Sequence[str]: ...

    def has_enough(self) -> bool: ...


class Nobody:
    """A load that is played for itself."""

    def step_began(self, name: str | None, at_ns: int) -> None: ...

    def second(self, shown: LiveSnapshot, rows: Rows) -> None: ...

    def faults(self) -> Sequence[str]:
        return ()

    def has_enough(self) -> bool:
        return False
