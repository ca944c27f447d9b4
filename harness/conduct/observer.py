"""The observer of a load: it gets the figures of each second, and says which faults are on.

step_began    a load step has all its users: faults are timed from that
second        once a second: the figures, and all rows since the last time
faults        the faults that are on
has_enough    whether the load may end: a step that is held by time ends early
"""

from collections.abc import Sequence
from typing import Protocol

from harness.conduct.following import Rows
from harness.conduct.live.live_json import LiveSnapshot


class Observer(Protocol):
    """The observer of one run."""

    def step_began(self, name: str | None, at_ns: int) -> None:
        """Note that a step began; without a name, the run."""
        ...

    def second(self, shown: LiveSnapshot, rows: Rows) -> None:
        """Receive the figures of a second; an error raised here ends the run."""
        ...

    def faults(self) -> Sequence[str]: ...

    def has_enough(self) -> bool: ...


class Nobody:
    """An observer that does nothing."""

    def step_began(self, name: str | None, at_ns: int) -> None: ...

    def second(self, shown: LiveSnapshot, rows: Rows) -> None: ...

    def faults(self) -> Sequence[str]:
        return ()

    def has_enough(self) -> bool:
        return False
