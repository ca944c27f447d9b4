"""A part of the run as a fault site: processes of ours at one address; faults kill, stop or replace them.

Like a link it is healed by `clear`, and by `renew` when that was not enough. A target that runs as several processes is
one site: all of them are killed, stopped or replaced.
"""

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from harness.services.cleanup.undoing import Undo
from harness.services.fault_sites import suspension
from harness.services.fault_sites.balanced import BalancedTarget
from harness.services.fault_sites.restartable import RestartableProcess
from harness.services.processes import proctable
from harness.services.processes.proctable import Process


@dataclass(frozen=True, slots=True)
class OwnProcess:
    """The reference target, a command of the user's, or the embedded PostgreSQL."""

    name: str
    process: RestartableProcess
    balanced: BalancedTarget | None = None
    answers: ClassVar[bool] = True  # canaries go to it

    @property
    def processes(self) -> list[RestartableProcess]:
        """Its processes: a deploy may have put others in their place."""
        return [self.process] if self.balanced is None else [place.process for place in self.balanced.places]

    @property
    def pids(self) -> tuple[int, ...]:
        """The pids of those that run."""
        return tuple(each.child.pid for each in self.processes if each.running)

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
        await asyncio.gather(*(each.kill() for each in self.processes))

    async def start(self) -> None:
        """Start it, unless it runs."""
        for each in self.processes:
            await each.start()

    async def restart(self) -> None:
        """End it in good order, and start it again."""
        for each in self.processes:
            await each.stop()
        await self.start()

    async def freeze(self) -> None:
        """Stop all its processes, also those that are being forked."""
        await suspension.freeze(self.name, self._processes)

    async def thaw(self) -> None:
        """Resume all its processes."""
        suspension.thaw(self._processes())

    async def clear(self) -> None:
        """Restore it: resume and start it, and let all of it serve."""
        await self.thaw()
        await self.start()
        if self.balanced is not None:
            await self.balanced.restore()

    async def renew(self) -> None:
        """Replace the process, when `clear` did not help."""
        await self.kill()
        await self.clear()

    def _processes(self) -> set[Process]:
        children = [each.child for each in self.processes if each.running]
        if not children:
            return set()
        table = proctable.table()
        return set[Process]().union(
            *(
                proctable.family([(child.pid, child.start_ticks)], table)
                | proctable.marked(child.mark, table)
                for child in children
            )
        )
