"""A stand-in: a second process of the target, on the same database, to which the client link can lead instead.

    load ---> [client link] --->  first      serves, but for the moment in which it is replaced
                            ...>  stand-in   runs, and is sent nobody

Toxiproxy leads a link elsewhere by opening it anew: connections that are open are cut, and calls on them are lost. A
balancer that lets open connections end where they are would lose fewer.
"""

from dataclasses import dataclass

from harness.services.fault_sites.links import Link
from harness.services.fault_sites.restartable import RestartableProcess


@dataclass(frozen=True, slots=True)
class SecondProcess:
    """The second process, and the link that leads to one of the two."""

    seat: RestartableProcess
    address: str  # host:port
    link: Link

    async def serve(self) -> None:
        """New connections are its own from now on."""
        await self._lead_to(self.address)

    async def give_way(self) -> None:
        """As the link was made: to the first."""
        await self._lead_to(self.link.upstream)

    async def gives_way(self) -> bool:
        """Whether the link leads to the first; read from the proxy."""
        return (await self.link.api.proxy(self.link.proxy)).upstream == self.link.upstream

    async def _lead_to(self, address: str) -> None:
        if (await self.link.api.proxy(self.link.proxy)).upstream != address:
            await self.link.api.update_proxy(self.link.proxy, upstream=address)
