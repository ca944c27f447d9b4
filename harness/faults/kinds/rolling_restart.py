"""Rolling restart, a deploy without a gap: two processes of the target on one database, replaced one after the other.

    second   stopped, started, ready |                          | serves
    link                             | leads to the second      | leads to the first again
    first                            | stopped, started, ready  |

Nobody is sent to a process that is stopped, so what is lost is what was open when the link was led elsewhere
(twice: Toxiproxy cuts it), and the sessions that a process kept to itself. The fault lasts from the first signal until
the first serves again; `for` may hold the window open for longer. The reference target runs twice when it is planned.
"""

from collections.abc import Mapping

from harness.faults.canary.decision import why_not_taken
from harness.faults.canary.evidence import LIMIT_S, Ask, Canaries, VerificationResult
from harness.foundation.errors import ServiceError
from harness.services.cleanup.undoing import Undo
from harness.services.fault_sites.own_process import OwnProcess
from harness.services.fault_sites.second_process import SecondProcess

COUNT = 2


class RollingRestart:
    """The fault that restarts both processes of the target in turn."""

    def __init__(self, part: OwnProcess, name: str, parameters: Mapping[str, float | str]) -> None:
        del name, parameters
        self._part = part
        self._before: tuple[int, ...] = self._pids()

    def undo(self) -> Undo | None:
        return None  # both processes are ours, and so is the link: they end with the run

    async def apply(self) -> None:
        second = self._second()
        self._before = self._pids()
        await second.process.restart()
        await second.serve()
        await self._part.process.restart()
        await second.give_way()

    async def verify(self, canaries: Canaries, within_s: float = LIMIT_S) -> VerificationResult:
        pairs = await canaries.pairs(COUNT, Ask(fresh=True, limit_s=min(LIMIT_S, within_s)))
        if same := set(self._before) & set(self._pids()):
            return VerificationResult(pairs, f"{len(same)} of its processes are those that they were")
        if len(self._pids()) != 2 or not await self._second().gives_way():
            return VerificationResult(
                pairs, "not both of its processes run, or the link does not lead to the first"
            )
        return VerificationResult(pairs, why_not_taken(pairs))

    async def heal(self) -> None:
        await self._part.clear()

    def _pids(self) -> tuple[int, ...]:
        """Return the pids of the processes that run."""
        seats = [self._part.process, *([self._part.second.process] if self._part.second else [])]
        return tuple(process.child.pid for process in seats if process.running)

    def _second(self) -> SecondProcess:
        if self._part.second is None:
            raise ServiceError(f"{self._part.name} cannot be restarted by turns", "It is one process only")
        return self._part.second
