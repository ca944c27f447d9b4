"""The processes of all sessions over stdio as a fault site: a fault kills or stops those that run at that moment.

Nobody here starts them again: each session's user does, when it finds its process gone.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from harness.foundation.errors import ServiceError
from harness.run_directory.undo import boot_id
from harness.services.cleanup.undoing import STOPPED, Undo
from harness.services.fault_sites import suspension
from harness.services.processes import proctable
from harness.services.processes.proctable import Process
from harness.services.processes.session_processes import by_session


@dataclass(frozen=True, slots=True)
class SessionProcesses:
    """The processes that serve sessions when a fault begins. Processes started later are not touched."""

    name: str
    touched: set[Process] = field(default_factory=set)
    answers: ClassVar[bool] = False  # they have no address

    def alive(self) -> bool:
        """Whether any of those that the fault meant still runs."""
        return any(proctable.is_alive(each.pid, each.start_ticks) for each in self.touched)

    def awake(self) -> list[Process]:
        """Return those that the fault meant and that are not stopped."""
        return suspension.awake(self._still())

    def undo(self) -> Undo | None:
        """Return how another process resumes those that will be stopped."""
        members = [[each.pid, each.start_ticks] for each in _now()]
        return Undo(STOPPED, {"boot": boot_id(), "name": self.name, "processes": members})

    async def kill(self) -> None:
        """Kill them with SIGKILL."""
        self._take()
        await suspension.end(self.name, self._still)

    async def start(self) -> None:
        """Do nothing: their users start others."""

    async def freeze(self) -> None:
        """Stop them."""
        self._take()
        await suspension.freeze(self.name, self._still)

    async def thaw(self) -> None:
        """Resume those that were stopped; those that have ended need nothing."""
        await suspension.go_on(self.name, self.touched)
        self.touched.clear()

    async def clear(self) -> None:
        """Resume them."""
        await self.thaw()

    async def renew(self) -> None:
        """Resume them once more: nothing else can be done here."""
        await self.thaw()

    def _take(self) -> None:
        self.touched.clear()
        self.touched.update(_now())
        if not self.touched:
            raise ServiceError(f"{self.name} do not run", "No session has a process now")

    def _still(self) -> set[Process]:
        """Return those that were meant, as they are now, and what they have started since."""
        return proctable.family([(each.pid, each.start_ticks) for each in self.touched], proctable.table())


def _now() -> set[Process]:
    return {process for processes in by_session().values() for process in processes}
