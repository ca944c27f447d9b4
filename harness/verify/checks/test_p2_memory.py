"""Does a session leave memory behind? Its process is watched while sessions come and go, where it can be seen from here."""

import asyncio
from itertools import pairwise

import pytest

from harness.client.http import http_client
from harness.foundation.units import show_bytes
from harness.mcp import outcome
from harness.mcp.dialects.handshake import HandshakeSession
from harness.verify.backends.deploy import pid_of
from harness.verify.backends.process import rss_bytes
from harness.verify.doors import said
from harness.verify.finding import fail, skip, undecided
from harness.verify.target import Target

pytestmark = [pytest.mark.limits, pytest.mark.http]
WARM_UP, WINDOWS, SESSIONS, AT_ONCE = 40, 4, 30, 5
NO_DELETE = {405, 501}


def test_a_session_leaves_no_memory_behind(target: Target) -> None:
    """Four times thirty sessions are opened, used and ended: what grows each time is a leak, what grows once is a cache."""
    if target.spec.process is None:
        skip(
            "verify.yaml does not say which process serves",
            "verify.yaml: process {pid_file: PATH}, or {listens: true}, on this machine",
        )
    door = target.with_sessions()
    if door is None:
        skip("it gives out no session IDs", "this server has no sessions to end")
    pid = pid_of(target)
    if pid is None:
        skip(
            "the process that serves cannot be seen from here",
            "verify it on its own machine, as its own user or root",
        )
    _sessions(target, door.name, WARM_UP)
    held = [rss_bytes(pid)]
    for _ in range(WINDOWS):
        _sessions(target, door.name, SESSIONS)
        held.append(rss_bytes(pid))
    if pid_of(target) != pid or 0 in held:
        undecided(f"process {pid} was replaced in the middle of it")
    least = min(after - before for before, after in pairwise(held))
    if least > target.spec.limits.leak * SESSIONS:
        fail(
            f"each session leaves {show_bytes(least / SESSIONS)} behind: process {pid} grew from {show_bytes(held[0])} to "
            f"{show_bytes(held[-1])} in {WINDOWS * SESSIONS} sessions, by at least {show_bytes(least)} in every {SESSIONS}"
        )


def _sessions(target: Target, door: str, many: int) -> None:
    async def all_of_them() -> None:
        for _ in range(0, many, AT_ONCE):
            await asyncio.gather(*(_one(target, door) for _ in range(AT_ONCE)))

    target.run(all_of_them())


async def _one(target: Target, door: str) -> None:
    session = HandshakeSession(door)
    async with http_client(target.places.mcp, target.settings.timeout_s, target.headers) as client:
        opened = await client.run(session.opening())
        if opened is None or opened.outcome != outcome.OK:
            fail(f"opening a session ended with {said(opened) if opened else 'nothing'}")
        await client.exchange(session.request("tools/list", {}))
        ended = await client.run(session.closing())
    if ended is not None and ended.status in NO_DELETE:
        skip(
            f"clients cannot end sessions here (HTTP {ended.status}): what they hold stays",
            "serve DELETE, if sessions cost anything",
        )
