"""The placebo: nothing is done, and nothing may show. It calibrates everything that measures faults."""

from collections.abc import Mapping

from harness.faults.evidence import Canaries, Shown, why_not_without_effect
from harness.services.links import Link
from harness.services.undoing import Undo


class Noop:
    """No effect."""

    def __init__(self, link: Link, name: str, parameters: Mapping[str, float | str]) -> None:
        del link, name, parameters

    def undo(self) -> Undo | None:
        return None

    async def apply(self) -> None:
        """There is nothing to do."""

    async def verify(self, canaries: Canaries) -> Shown:
        pairs = await canaries.pairs()
        return Shown(pairs, why_not_without_effect(pairs), 0.0)

    async def heal(self) -> None:
        """There is nothing to undo."""
