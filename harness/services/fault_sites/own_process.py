"""A part as faults see it: processes of ours at one address, that can be killed, frozen, or replaced.

It has what a link has for whoever heals: `clear`, and `renew` when that was not enough.
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
    seat: RestartableProcess
    second: SecondProcess | None = None
    answers: ClassVar[bool] = True  # canaries go to it

    def alive(self) -> bool:
        """Whether any process of it is left."""
        return bool(self._processes())

    def awake(self) -> list[Process]:
        """The processes of it that are not stopped."""
        return suspension.awake(self._processes())

    def undo(self) -> Undo | None:
        """It is ours: it ends with the run, asleep or awake."""
        return None

    async def kill(self) -> None:
        """Without a word."""
        await self.seat.kill()

    async def start(self) -> None:
        """Unless it runs."""
        await self.seat.start()

    async def freeze(self) -> None:
        """Stop all of them, those that are being born too."""
        await suspension.freeze(self.name, self._processes)

    async def thaw(self) -> None:
        """Let all of them go on."""
        suspension.thaw(self._processes())

    async def clear(self) -> None:
        """As it was: running, and awake."""
        await self.thaw()
        await self.seat.start()
        if self.second is not None:
            await self.second.seat.start()
            await self.second.give_way()

    async def renew(self) -> None:
        """The ladder when that does not help: another process."""
        await self.seat.kill()
        await self.clear()

    def _processes(self) -> set[Process]:
        if not self.seat.running:
            return set()
        child = self.seat.child
        table = proctable.table()
        return proctable.family([(child.pid, child.start_ticks)], table) | proctable.marked(child.mark, table)
