"""The placebo: nothing is done, and nothing may show. It calibrates everything that measures faults."""

from collections.abc import Mapping

from harness.faults.canary.decision import added, without_effect
from harness.faults.canary.evidence import LIMIT_S, Canaries, VerificationResult
from harness.services.cleanup.undoing import Undo
from harness.services.fault_sites.links import Link


class Noop:
    """A fault without effect."""

    def __init__(self, link: Link, name: str, parameters: Mapping[str, float | str]) -> None:
        del link, name, parameters

    def undo(self) -> Undo | None:
        return None

    async def apply(self) -> None:
        """Do nothing."""

    async def verify(self, canaries: Canaries, within_s: float = LIMIT_S) -> VerificationResult:
        pairs = await canaries.until(without_effect, within_s)
        delay = added(pairs)
        return VerificationResult(pairs, without_effect(pairs).why, 0.0, delay.ms if delay else None)

    async def heal(self) -> None:
        """Do nothing."""
