"""Down: the link refuses new connections and cuts those that are open."""

from collections.abc import Mapping

from harness.faults.canary.decision import ended_as
from harness.faults.canary.evidence import LIMIT_S, Ask, Canaries, VerificationResult
from harness.services.cleanup.undoing import Undo
from harness.services.fault_sites.links import Link

BESIDE_S = 3.0  # nobody waits longer for an answer beside a link that refuses


class Down:
    """The fault that disables a link."""

    def __init__(self, link: Link, name: str, parameters: Mapping[str, float | str]) -> None:
        del name, parameters
        self._link = link

    def undo(self) -> Undo | None:
        return self._link.undo_down()

    async def apply(self) -> None:
        await self._link.api.update_proxy(self._link.proxy, enabled=False)

    async def verify(self, canaries: Canaries, within_s: float = LIMIT_S) -> VerificationResult:
        judge = ended_as("refused", "closed", "reset")
        pairs = await canaries.until(judge, within_s, Ask(limit_s=BESIDE_S))
        return VerificationResult(pairs, judge(pairs).why)

    async def lacks(self) -> str:
        now = await self._link.api.proxy(self._link.proxy)
        return "Toxiproxy has enabled it again" if now.enabled else ""

    async def heal(self) -> None:
        await self._link.api.update_proxy(self._link.proxy, enabled=True)
