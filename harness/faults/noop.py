"""The placebo: nothing is done, and nothing may show. It calibrates everything that measures faults."""

from collections.abc import Mapping, Sequence

from harness.faults.fault import Pair, why_not_without_effect
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

    def why_not(self, pairs: Sequence[Pair]) -> str:
        return why_not_without_effect(pairs)

    def expected_ms(self) -> float | None:
        return 0.0

    async def heal(self) -> None:
        """There is nothing to undo."""
