"""A target that runs as several processes behind a balancer, and how a deploy replaces them.

    roll      one after the other: drained, stopped, started at the same address, back in service
    switch    as many new ones are started first; then they serve, and the earlier ones are drained and stopped

Draining waits for the calls that are under way, `drain_s` at most, and loses none of them. What has no end of its own (a
WebSocket, a stream of the server's messages) is left to the process, which is asked to stop. A session that a process keeps to itself is lost with it, however gently it is drained.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from harness.services.balancer.control import Balancer
from harness.services.balancer.orders import Status
from harness.services.balancer.routing import State
from harness.services.fault_sites.restartable import RestartableProcess


@dataclass(slots=True)
class Place:
    """One process of the target, and where it listens."""

    name: str
    process: RestartableProcess
    host: str
    port: int


@dataclass(slots=True)
class BalancedTarget:
    """The processes behind a balancer; `another` starts one more."""

    balancer: Balancer
    another: Callable[[str], Awaitable[Place]]
    places: list[Place] = field(default_factory=list)
    started: int = 0  # places so far: each has a name of its own

    async def add(self) -> Place:
        """Start a process, and let it serve."""
        place = await self._start()
        self.places.append(place)
        await self._serve(place)
        return place

    async def roll(self, drain_s: float) -> None:
        """Replace the processes one after the other."""
        for place in list(self.places):
            await self.balancer.drain(place.name, within_s=drain_s)
            await place.process.restart()
            await self._serve(place)

    async def switch(self, drain_s: float) -> None:
        """Start as many new processes, send everything there, and end the earlier ones."""
        fresh = [await self._start() for _ in self.places]
        earlier, self.places = self.places, fresh
        for place in fresh:
            await self._serve(place)
        for place in earlier:
            await self.balancer.drain(place.name, within_s=drain_s)
            await place.process.stop()

    async def restore(self) -> None:
        """Let every process serve, after a deploy that was cut short; idempotent."""
        status = await self.balancer.status()
        serving = {each.name for each in status.members if each.state == State.SERVES}
        for place in self.places:
            await place.process.start()
            if place.name not in serving:
                await self._serve(place)
        for name in serving - {place.name for place in self.places}:
            await self.balancer.drain(name, within_s=0)

    async def serving(self) -> int:
        """Return how many of the processes serve, as the balancer says."""
        names = {place.name for place in self.places}
        status = await self.balancer.status()
        return sum(each.name in names and each.state == State.SERVES for each in status.members)

    async def status(self) -> Status:
        return await self.balancer.status()

    async def _start(self) -> Place:
        self.started += 1
        return await self.another("target" if self.started == 1 else f"target-{self.started}")

    async def _serve(self, place: Place) -> None:
        await self.balancer.join(place.name, place.host, place.port)
