"""Down: the link refuses new connections and cuts those that are open."""

from collections.abc import Mapping, Sequence

from harness.faults.fault import Pair
from harness.services.links import Link
from harness.services.undoing import Undo, enabled


class Down:
    """Nothing comes through."""

    def __init__(self, link: Link, name: str, parameters: Mapping[str, float | str]) -> None:
        del name, parameters
        self._link = link

    def undo(self) -> Undo | None:
        return enabled(self._link)

    async def apply(self) -> None:
        await self._link.api.update_proxy(self._link.proxy, enabled=False)

    def why_not(self, pairs: Sequence[Pair]) -> str:
        if any(pair.beside_ms is None for pair in pairs):
            return "a canary beside the link did not come back either: the target itself is in trouble"
        through = sum(pair.through_ms is not None for pair in pairs)
        return f"{through} of {len(pairs)} canaries came through" if through else ""

    def expected_ms(self) -> float | None:
        return None

    async def heal(self) -> None:
        await self._link.api.update_proxy(self._link.proxy, enabled=True)
