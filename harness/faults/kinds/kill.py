"""Kill: the processes of a part are gone at once (SIGKILL), and stay away until healing starts it again.

What it had in memory is lost, and so is whatever it had promised without keeping it. A process that is named by its
`pid` is killed with all that descends from it, and stays dead unless whoever looks after it starts it again. Over stdio the
processes of all sessions are killed, and their users start others.
"""

from collections.abc import Mapping

from harness.faults.canary.evidence import LIMIT_S, Ask, Canaries, VerificationResult
from harness.services.cleanup.undoing import Undo
from harness.services.fault_sites.named_process import NamedProcess
from harness.services.fault_sites.own_process import OwnProcess
from harness.services.fault_sites.session_processes import SessionProcesses

COUNT = 3


class Kill:
    """The fault that kills processes."""

    def __init__(
        self,
        part: OwnProcess | NamedProcess | SessionProcesses,
        name: str,
        parameters: Mapping[str, float | str],
    ) -> None:
        del name, parameters
        self._part = part

    def undo(self) -> Undo | None:
        return None  # a part of ours ends with the run, dead or alive; a process of the user's nobody can bring back

    async def apply(self) -> None:
        await self._part.kill()

    async def verify(self, canaries: Canaries, within_s: float = LIMIT_S) -> VerificationResult:
        pairs = (
            await canaries.pairs(COUNT, Ask(fresh=True, limit_s=min(LIMIT_S, within_s)))
            if self._part.answers
            else []
        )
        if self._part.alive():
            return VerificationResult(pairs, f"{self._part.name} still runs")
        back = sum(pair.through.end == "replied" for pair in pairs)
        return VerificationResult(
            pairs, f"{back} of {len(pairs)} canaries were answered all the same" if back else ""
        )

    async def heal(self) -> None:
        await self._part.start()
