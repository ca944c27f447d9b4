"""Many sessions that are held open at the same time: opened by a few at once, or all in the same moment (a storm).

A lane is a connection on which sessions are opened, asked and closed, one after the other; a stream has a connection of its
own. In a storm every client has a connection of its own for everything, as clients have that do not know each other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from harness.conduct.capacity.door import Door
from harness.conduct.capacity.held_session import HeldSession, opened
from harness.conduct.capacity.open_connection import OpenConnection
from harness.conduct.capacity.refusals import Refusals
from harness.foundation.clock import Clock
from harness.foundation.units import NS_PER_S
from harness.mcp import outcome
from harness.mcp.messages import Reply

IN_A_ROW: Final = 10  # refusals after which no more is tried: it has given way

Visit = Callable[[HeldSession, OpenConnection], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Reconnected:
    """What became of clients who all came back at once after their server was restarted."""

    kept: int  # whose session was still there
    reopened: int
    failed: Refusals
    took_s: list[float]  # until they were served again, of each that was


@dataclass(slots=True)
class Crowd:
    """The sessions that are open, and those that were refused."""

    door: Door
    kind: str
    clock: Clock
    lanes: list[OpenConnection]
    held: list[HeldSession] = field(default_factory=list)
    took_s: list[float] = field(default_factory=list)
    refused: Refusals = field(default_factory=Refusals)

    @property
    def gave_way(self) -> bool:
        return self.refused.in_a_row >= IN_A_ROW

    async def open(self, many: int) -> None:
        """Open so many more, one on each lane at a time, until nothing opens any more."""
        left = iter(range(many))

        async def on(lane: OpenConnection) -> None:
            for _ in left:
                if self.gave_way:
                    return
                await self._one(lane)

        await _all(on(lane) for lane in self.lanes)

    async def storm(self, many: int) -> None:
        """Open all of them in the same moment, each over a connection of its own."""

        async def alone() -> None:
            lane = self._lane()
            await self._one(lane)
            lane.close()

        await _all(alone() for _ in range(many))

    async def reconnect(self) -> Reconnected:
        """Let all clients come back in the same moment: each tries its session, and opens another where that is gone."""
        before, self.held = self.held, []
        failed, took_s, kept, reopened = Refusals(), list[float](), 0, 0

        async def back(client: HeldSession) -> None:
            nonlocal kept, reopened
            client.vanish()  # of its stream nothing is left but this end
            lane, began_ns = self._lane(), self.clock.now_ns()
            reply = await client.returned(lane)
            if reply.outcome == outcome.OK:
                kept += 1
            else:
                client, reply = await opened(self.door, self.kind, lane)
                reopened += reply.outcome == outcome.OK
            lane.close()
            failed.note(reply)
            if reply.outcome == outcome.OK:
                self.held.append(client)
                took_s.append((self.clock.now_ns() - began_ns) / NS_PER_S)

        await _all(back(client) for client in before)
        return Reconnected(kept, reopened, failed, took_s)

    async def each(self, visit: Visit) -> tuple[int, Refusals]:
        """Do this with every session, one on each lane at a time; return how many went well, and why others did not."""
        left, good, failed = iter(self.held), 0, Refusals()

        async def on(lane: OpenConnection) -> None:
            nonlocal good
            for client in left:
                reply = await visit(client, lane)
                failed.note(reply)
                good += reply.outcome == outcome.OK

        await _all(on(lane) for lane in self.lanes)
        return good, failed

    def vanish(self) -> None:
        """Close every connection, without a word."""
        for client in self.held:
            client.vanish()
        for lane in self.lanes:
            lane.close()

    def _lane(self) -> OpenConnection:
        return OpenConnection(self.door.url, self.door.headers)

    async def _one(self, lane: OpenConnection) -> None:
        began_ns = self.clock.now_ns()
        client, reply = await opened(self.door, self.kind, lane)
        self.refused.note(reply)
        if reply.outcome == outcome.OK:
            self.took_s.append((self.clock.now_ns() - began_ns) / NS_PER_S)
            self.held.append(client)
        elif client.session.session_id is not None:  # its stream was refused
            await client.close(lane)


def crowd(door: Door, kind: str, clock: Clock, at_once: int) -> Crowd:
    """A crowd with nobody in it yet."""
    return Crowd(door, kind, clock, [OpenConnection(door.url, door.headers) for _ in range(at_once)])


async def _all(doing: Iterable[Awaitable[None]]) -> None:
    """Wait for all of them; when one breaks down, or this is cancelled, none goes on."""
    tasks = [asyncio.ensure_future(one) for one in doing]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
