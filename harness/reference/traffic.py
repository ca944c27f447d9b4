"""Counts requests at the doors: how many, how long they took, and which are open now."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness.reference.durations import Durations


@dataclass(slots=True)
class Traffic:
    """Requests by door since the start; a WebSocket connection counts as one request."""

    started_s: float = field(default_factory=time.monotonic)
    requests: Counter[str] = field(default_factory=Counter)
    durations: dict[str, Durations] = field(default_factory=dict)
    open_now: Counter[str] = field(default_factory=Counter)
    _left: asyncio.Event = field(default_factory=asyncio.Event)

    def uptime_s(self) -> float:
        return round(time.monotonic() - self.started_s, 3)

    @contextmanager
    def passing(self, door: str) -> Iterator[None]:
        """Count and time a request, from its arrival to its answer."""
        self.requests[door] += 1
        self.open_now[door] += 1
        if (durations := self.durations.get(door)) is None:
            durations = self.durations[door] = Durations()
        started_s = time.perf_counter()
        try:
            yield
        finally:
            durations.add(time.perf_counter() - started_s)
            self.open_now[door] -= 1
            self._left.set()

    async def none_open(self, door: str) -> None:
        """Return when no request is open at this door."""
        while self.open_now[door]:
            self._left.clear()
            await self._left.wait()
