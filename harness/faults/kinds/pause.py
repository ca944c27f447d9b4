"""Pause: the processes of a part stand still (SIGSTOP), with their connections open, and go on where they were.

What a virtual machine that is moved does to a server, or a collector of garbage that takes its time: the kernel
accepts connections, nobody answers. Every process of the part is stopped, new ones too, through handles that cannot
reach a process that took over a number. A process that is named by its `pid` is stopped with all that descends from it,
and goes on again on every exit; whether canaries are answered meanwhile is its own affair.
"""

from collections.abc import Mapping

from harness.faults.canary.evidence import LIMIT_S, Ask, Canaries, VerificationResult
from harness.services.cleanup.undoing import Undo
from harness.services.fault_sites.named_process import NamedProcess
from harness.services.fault_sites.own_process import OwnProcess
from harness.services.fault_sites.session_processes import SessionProcesses

COUNT = 2
SILENT_S = 0.5


class Pause:
    """The fault that stops processes for a time."""

    def __init__(
        self,
        part: OwnProcess | NamedProcess | SessionProcesses,
        name: str,
        parameters: Mapping[str, float | str],
    ) -> None:
        del name, parameters
        self._part = part

    def undo(self) -> Undo | None:
        return self._part.undo()

    async def apply(self) -> None:
        await self._part.freeze()

    async def verify(self, canaries: Canaries, within_s: float = LIMIT_S) -> VerificationResult:
        ask = Ask(fresh=True, limit_s=min(SILENT_S, within_s))
        pairs = await canaries.pairs(COUNT, ask) if self._part.answers else []
        if awake := self._part.awake():
            return VerificationResult(pairs, f"{len(awake)} processes of {self._part.name} are not stopped")
        back = sum(pair.through.end == "replied" for pair in pairs)
        return VerificationResult(
            pairs, f"{back} of {len(pairs)} canaries were answered all the same" if back else ""
        )

    async def heal(self) -> None:
        await self._part.thaw()
