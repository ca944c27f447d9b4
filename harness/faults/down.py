"""Down: the link refuses new connections and cuts those that are open."""

from collections.abc import Mapping

from harness.faults.evidence import Canaries, Shown, why_not_ended
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

    async def verify(self, canaries: Canaries) -> Shown:
        pairs = await canaries.pairs()
        return Shown(pairs, why_not_ended(pairs, "refused", "closed", "reset"))

    async def heal(self) -> None:
        await self._link.api.update_proxy(self._link.proxy, enabled=True)
