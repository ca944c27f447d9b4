"""Restart, a deploy: the part is stopped in good order, and another process takes its place at the same address.

The fault lasts from the first signal until the new process is ready; `for` may hold the window open for longer.
"""

from collections.abc import Mapping

from harness.faults.canary.decision import why_not_taken
from harness.faults.canary.evidence import LIMIT_S, Ask, Canaries, VerificationResult
from harness.services.cleanup.undoing import Undo
from harness.services.fault_sites.own_process import OwnProcess

COUNT = 2


class Restart:
    """The fault that restarts a part of the run."""

    def __init__(self, part: OwnProcess, name: str, parameters: Mapping[str, float | str]) -> None:
        del name, parameters
        self._part = part
        self._before = part.pids

    def undo(self) -> Undo | None:
        return None  # a part is ours: it ends with the run, whichever process it is

    async def apply(self) -> None:
        self._before = self._part.pids
        await self._part.restart()

    async def verify(self, canaries: Canaries, within_s: float = LIMIT_S) -> VerificationResult:
        pairs = await canaries.pairs(COUNT, Ask(fresh=True, limit_s=min(LIMIT_S, within_s)))
        if set(self._before) & set(self._part.pids):
            return VerificationResult(pairs, f"{self._part.name} is the process that it was")
        return VerificationResult(pairs, why_not_taken(pairs))

    async def heal(self) -> None:
        await self._part.start()
