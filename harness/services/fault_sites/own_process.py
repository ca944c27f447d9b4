"""A part of the run as a fault site: processes of ours at one address; faults kill, stop or replace them.

Like a link it is healed by `clear`, and by `renew` when that was not enough.
"""

from dataclasses import dataclass
from typing import ClassVar

from harness.services.cleanup.undoing import Undo
from harness.services.fault_sites import suspension
from harness.services.fault_sites.restartable import RestartableProcess
from harness.services.fault_sites.second_process import SecondProcess
from harness.services.processes import proctable
from harness.services.processes.proctable import Process


@dataclass(frozen=True, slots=True)
class OwnProcess:
    """The reference target, a command of the user's, or the embedded PostgreSQL."""

    name: str
    process: RestartableProcess
    second: SecondProcess | None = None
    answers: ClassVar[bool] = True  # canaries go to it

    def alive(self) -> bool:
        """Whether any of its processes still runs."""
        return bool(self._processes())

    def awake(self) -> list[Process]:
        """Return its processes that are not stopped."""
        return suspension.awake(self._processes())

    def undo(self) -> Undo | None:
        """Return None: the process is ours and ends with the run, stopped or not."""
        return None

    async def kill(self) -> None:
        """Kill it with SIGKILL."""
        await self.process.kill()

    async def start(self) -> None:
        """Start it, unless it runs."""
        await self.process.start()

    async def freeze(self) -> None:
        """Stop all its processes, also those that are being forked."""
        await suspension.freeze(self.name, self._processes)

    async def thaw(self) -> None:
        """Resume all its processes."""
        suspension.thaw(self._processes())

    async def clear(self) -> None:
        """Restore it: resume and start it, and lead the link back to it."""
        await self.thaw()
        await self.process.start()
        if self.second is not None:
            await self.second.process.start()
            await self.second.give_way()

    async def renew(self) -> None:
        """Replace the process, when `clear` did not help."""
        await self.process.kill()
        await self.clear()

    def _processes(self) -> set[Process]:
        if not self.process.running:
            return set()
        child = self.process.child
        table = proctable.table()
        return proctable.family([(child.pid, child.start_ticks)], table) | proctable.marked(child.mark, table)
