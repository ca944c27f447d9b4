"""A part as faults see it: processes of ours at one address, that can be killed, frozen, or replaced.

It has what a link has for whoever heals: `clear`, and `renew` when that was not enough.
"""

import asyncio
import signal
from dataclasses import dataclass

from harness.errors import ServiceError
from harness.services import proctable
from harness.services.proctable import Process
from harness.services.seat import Seat

SWEEPS, SWEEP_PAUSE_S = 50, 0.02
STOPPED = "Tt"


@dataclass(frozen=True, slots=True)
class Part:
    """The reference target, a command of the user's, or the embedded PostgreSQL."""

    name: str
    seat: Seat

    def alive(self) -> bool:
        """Whether any process of it is left."""
        return bool(self._processes())

    def awake(self) -> list[Process]:
        """The processes of it that are not stopped."""
        return [process for process in self._processes() if process.state not in STOPPED]

    async def freeze(self) -> None:
        """Stop all of them, those that are being born too."""
        if not self.alive():
            raise ServiceError(f"{self.name} cannot be paused", "It does not run")
        for _ in range(SWEEPS):
            if not (awake := self.awake()):
                return
            for process in awake:
                proctable.send(process, signal.SIGSTOP)
            await asyncio.sleep(SWEEP_PAUSE_S)
        raise ServiceError(f"{self.name} cannot be paused", f"{len(self.awake())} of its processes go on")

    async def thaw(self) -> None:
        """Let all of them go on."""
        for process in self._processes():
            proctable.send(process, signal.SIGCONT)

    async def clear(self) -> None:
        """As it was: running, and awake."""
        await self.thaw()
        await self.seat.start()

    async def renew(self) -> None:
        """The ladder when that does not help: another process."""
        await self.seat.kill()
        await self.seat.start()

    def _processes(self) -> set[Process]:
        if not self.seat.running:
            return set()
        child = self.seat.child
        table = proctable.table()
        return proctable.family([(child.pid, child.start_ticks)], table) | proctable.marked(child.mark, table)
