"""The door of a server as faults see it: where clients of any kind come in. Nothing on it can be renewed, or cleared."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ServerSite:
    """What has a link's way of being healed, and nothing to heal."""

    url: str
    protocol: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    async def clear(self) -> None:
        """Whoever came through it is sent away by the fault itself."""

    async def renew(self) -> None:
        """There is nothing to renew."""
