"""A server's address as a fault site: rude clients connect there. Healing has nothing to do here."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ServerSite:
    """A fault site with the methods that healing needs; they do nothing."""

    url: str
    protocol: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    async def clear(self) -> None:
        """Do nothing: the fault itself ends its clients."""

    async def renew(self) -> None:
        """Do nothing."""
