"""Deploys of a target of several processes: one class, and a way to replace them; verified by new pids and by canaries."""

from collections.abc import Awaitable, Callable

from harness.faults.canary.decision import why_not_taken
from harness.faults.canary.evidence import LIMIT_S, Ask, Canaries, VerificationResult
from harness.foundation.errors import ServiceError
from harness.services.cleanup.undoing import Undo
from harness.services.fault_sites.balanced import BalancedTarget
from harness.services.fault_sites.own_process import OwnProcess

COUNT = 2
DRAIN_S = 10.0  # the catalogue says it, too


Replace = Callable[[BalancedTarget, float], Awaitable[None]]  # within so many seconds for what is under way


class Deploy:
    """The fault that replaces the processes of the target."""

    def __init__(self, part: OwnProcess, drain_s: float, replace: Replace) -> None:
        self._part, self._drain_s, self._replace = part, drain_s, replace
        self._before = part.pids

    def undo(self) -> Undo | None:
        return None  # the processes are ours: they end with the run

    async def apply(self) -> None:
        if self._part.balanced is None:
            raise ServiceError(f"{self._part.name} cannot be replaced by turns", "It is one process only")
        self._before = self._part.pids
        await self._replace(self._part.balanced, self._drain_s)

    async def verify(self, canaries: Canaries, within_s: float = LIMIT_S) -> VerificationResult:
        pairs = await canaries.pairs(COUNT, Ask(fresh=True, limit_s=min(LIMIT_S, within_s)))
        pids, target = self._part.pids, self._part.balanced
        if same := set(self._before) & set(pids):
            return VerificationResult(pairs, f"{len(same)} of its processes are those that they were")
        if target is None or len(pids) != len(target.places) or await target.serving() != len(pids):
            return VerificationResult(pairs, "not all of its processes run and serve")
        return VerificationResult(pairs, why_not_taken(pairs))

    async def heal(self) -> None:
        await self._part.clear()
