"""Sessions that come and go at a steady rate: one pattern a function, and the registry of them.

close           open a session, call, and close it, as a client should
vanish          open a session, call, and go away without a word, as most clients do
cancel          open a session, give a call up while it is being answered, and close the session
listen-vanish   open a session and the stream beside the calls (subscriptions/listen in 2026-07-28), call, and go away while it is open

A visit is one run through a pattern. Visits begin at fixed times, whether or not earlier ones are over, up to `AT_ONCE_MOST`
at once; one that finds no room is not made, and counted.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from harness.client.session import Client
from harness.conduct.capacity.door import Door
from harness.conduct.capacity.held_session import opened
from harness.conduct.capacity.open_connection import OpenConnection
from harness.foundation.clock import Clock
from harness.foundation.errors import HarnessError
from harness.foundation.units import NS_PER_S
from harness.mcp import outcome
from harness.mcp.dialects import Session
from harness.mcp.messages import Reply, Request
from harness.mcp.stream import NO_STREAM

AT_ONCE_MOST: Final = 100
GIVEN_UP_S: Final = 0.005
KINDS_MOST: Final = 20  # of failures that are counted one by one
DETAIL_CHARS: Final = 120


@dataclass(frozen=True, slots=True)
class Call:
    """What every visit calls: a tool, or without one the list of tools, which every server has."""

    tool: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def within(self, session: Session) -> Request:
        """The request, in this session."""
        if self.tool is None:
            return session.request("tools/list", {})
        return session.call(self.tool, self.arguments)

    async def by(self, client: Client) -> Reply:
        if self.tool is None:
            return await client.request("tools/list", {})
        return await client.call(self.tool, self.arguments)


async def _close(door: Door, call: Call) -> Reply:
    async with door.session() as client:
        return await call.by(client)


async def _vanish(door: Door, call: Call) -> Reply:
    async with door.session(close=False) as client:
        return await call.by(client)


async def _cancel(door: Door, call: Call) -> Reply:
    async with door.session() as client:
        with suppress(TimeoutError):
            async with asyncio.timeout(GIVEN_UP_S):
                return await call.by(client)
        return Reply(outcome.OK, "given up")


async def _listen_vanish(door: Door, call: Call) -> Reply:
    if door.found.protocol in {"plain", "sse"}:  # the session is the stream, or there is none
        return await _vanish(door, call)
    lane = OpenConnection(door.url, door.headers)
    client, reply = await opened(door, "stream", lane)
    try:
        if reply.outcome == outcome.OK or reply.status == NO_STREAM:
            reply = await lane.exchange(call.within(client.session), door.timeout_s)
        return reply
    finally:
        client.vanish()
        lane.close()


Visit = Callable[[Door, Call], Awaitable[Reply]]
PATTERNS: Final[dict[str, Visit]] = {
    "close": _close,
    "vanish": _vanish,
    "cancel": _cancel,
    "listen-vanish": _listen_vanish,
}


@dataclass(slots=True)
class Visits:
    """What came of the visits so far."""

    made: int = 0
    over: int = 0
    not_made: int = 0
    failed_in_a_row: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    @property
    def good(self) -> int:
        return self.over - sum(self.failed.values())

    def note(self, reply: Reply) -> None:
        self.over += 1
        self.failed_in_a_row = 0 if reply.outcome == outcome.OK else self.failed_in_a_row + 1
        if reply.outcome != outcome.OK:
            kind = f"{reply.outcome}: {reply.detail}"[:DETAIL_CHARS] if reply.detail else reply.outcome
            self.failed[kind if kind in self.failed or len(self.failed) < KINDS_MOST else "others"] += 1


async def churn(
    door: Door, visit: Visit, call: Call, *, rate_per_s: float, for_s: float, clock: Clock, visits: Visits
) -> None:
    """Make visits at this rate for so long, and wait for those that are under way."""
    began_ns, under_way = clock.now_ns(), set[asyncio.Task[None]]()
    try:
        for number in range(round(rate_per_s * for_s)):
            due_ns = began_ns + round(number / rate_per_s * NS_PER_S)
            await clock.sleep(max(0.0, (due_ns - clock.now_ns()) / NS_PER_S))
            if len(under_way) >= AT_ONCE_MOST:
                visits.not_made += 1
                continue
            visits.made += 1
            task = asyncio.create_task(_one(door, visit, call, visits))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)
    finally:
        for task in under_way:
            task.cancel()


async def _one(door: Door, visit: Visit, call: Call, visits: Visits) -> None:
    try:
        visits.note(await visit(door, call))
    except HarnessError as error:  # the session could not be opened
        visits.note(Reply(outcome.CONNECT, error.lines()[1].strip() or error.lines()[0]))
