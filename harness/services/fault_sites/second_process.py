"""A stand-in: a second process of the target on the same database; the client link can be led to it.

    load ---> [client link] --->  first      serves, except while it is replaced
                            ...>  stand-in   runs, and gets no connections until then

When Toxiproxy changes a link's upstream, it cuts the open connections, and calls on them are lost. A load
balancer that drains open connections would lose fewer.
"""

from dataclasses import dataclass

from harness.services.fault_sites.links import Link
from harness.services.fault_sites.restartable import RestartableProcess


@dataclass(frozen=True, slots=True)
class SecondProcess:
    """The second process, and the link that leads to one of the two."""

    process: RestartableProcess
    address: str  # host:port
    link: Link

    async def serve(self) -> None:
        """Lead the link to this second process: it gets all new connections."""
        await self._lead_to(self.address)

    async def give_way(self) -> None:
        """Lead the link back to the first process."""
        await self._lead_to(self.link.upstream)

    async def gives_way(self) -> bool:
        """Whether the link leads to the first process, as the proxy says."""
        return (await self.link.api.proxy(self.link.proxy)).upstream == self.link.upstream

    async def _lead_to(self, address: str) -> None:
        if (await self.link.api.proxy(self.link.proxy)).upstream != address:
            await self.link.api.update_proxy(self.link.proxy, upstream=address)
