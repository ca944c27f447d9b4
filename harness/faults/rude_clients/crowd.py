"""A crowd of rude clients: each acts, waits, and acts again, until it is sent away.

It runs in the process of the harness, which makes no load; at most clients / every acts a second, on as many connections
as there are clients. An act that takes longer than `ACT_S` is given up. A connection that could not be made or was
ended by the server is counted, and tried again with the next act.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from harness.client.http import http_client
from harness.faults.rude_clients.client import ACT_S, McpEndpoint, RudeClient
from harness.foundation.clock import Clock, within

LOOK_S = 0.05
MAY_END = (OSError, EOFError)


@dataclass(frozen=True, slots=True)
class Manner:
    """One kind of misbehaviour."""

    act: Callable[[RudeClient], Awaitable[None]]
    shows: str  # the count that proves it


@dataclass(slots=True)
class Crowd:
    """Rude clients of one kind at one endpoint."""

    manner: Manner
    door: McpEndpoint
    clients: int
    every_s: float
    size: int
    clock: Clock = field(repr=False)
    counts: Counter[str] = field(default_factory=Counter)
    _clients: list[RudeClient] = field(default_factory=list)
    _tasks: "list[asyncio.Task[None]]" = field(default_factory=list)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def come(self) -> None:
        """Start all clients, spread over the first interval."""
        http = await self._stack.enter_async_context(http_client(self.door.url, ACT_S, self.door.headers))
        for number in range(self.clients):
            client = RudeClient(self.door, http, self.counts, number, self.size)
            self._clients.append(client)
            late_s = self.every_s * number / self.clients
            self._tasks.append(asyncio.ensure_future(self._go_on(client, late_s)))

    async def shown(self, within_s: float) -> bool:
        """Wait until the count proves the misbehaviour; return whether it did in time."""
        for _ in range(int(within_s / LOOK_S)):
            if self.counts[self.manner.shows]:
                break
            await self.clock.sleep(LOOK_S)
        return bool(self.counts[self.manner.shows])

    async def go(self) -> None:
        """Stop all clients and close what they hold; idempotent.

        Raise the first unexpected error of an act.
        """
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        clients, self._clients = self._clients, []
        await asyncio.gather(*(client.leave() for client in clients))
        await self._stack.aclose()
        wrong = [one for one in ended if isinstance(one, Exception)]
        if wrong:
            raise wrong[0]

    @property
    def open(self) -> int:
        """The number of connections that are open."""
        return sum(client.wire is not None for client in self._clients)

    async def _go_on(self, client: RudeClient, late_s: float) -> None:
        await self.clock.sleep(late_s)
        while True:
            try:
                async with within(ACT_S):
                    await self.manner.act(client)
            except TimeoutError:
                self.counts["silent"] += 1
                client.close()
            except MAY_END:
                self.counts["hung_up_on"] += 1
                client.close()
            client.acts += 1
            await self.clock.sleep(self.every_s)
