"""Deployments of which each part is sound, and the whole is not: two processes behind one address that do not know each other's sessions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle

from aiohttp import web

from harness.verify.settings import Settings
from harness.verify.suite import verify
from tests.fakes.deployment import Deployment

SESSION = "a session is opened and lists its tools"
HANDSHAKES = 4


@asynccontextmanager
async def balanced(*processes: Deployment) -> AsyncIterator[str]:
    """One address; each request goes to the next process."""
    turns = cycle(processes)
    app = web.Application(client_max_size=4_000_000)

    async def post(request: web.Request) -> web.StreamResponse:
        return await next(turns).post(request)

    async def delete(request: web.Request) -> web.StreamResponse:
        return await next(turns).delete(request)

    app.router.add_post("/mcp", post)
    app.router.add_delete("/mcp", delete)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/mcp"
    finally:
        await runner.cleanup()


async def wrong_of(*processes: Deployment) -> tuple[int, list[tuple[str, str]]]:
    """Exit code, and what must hold and does not."""
    async with balanced(*processes) as url:
        settings = Settings(url, keep_going=True, priority=1)
        suite = await asyncio.to_thread(verify, settings, [], lambda _: None)
    return suite.exit_code, [
        (each.name, each.why) for each in suite.results if each.outcome in {"failed", "unknown"}
    ]


async def test_sessions_that_one_of_two_processes_knows_are_named() -> None:
    """By each version with sessions; 2026-07-28 has none, and works."""
    code, wrong = await wrong_of(Deployment(), Deployment())

    assert code == 1
    assert [name for name, _ in wrong] == [SESSION] * HANDSHAKES
    assert all("session_lost (HTTP 404" in why for _, why in wrong)


async def test_two_processes_that_share_their_sessions_are_as_good_as_one() -> None:
    """The test above fails for its reason."""
    one, other = Deployment(), Deployment()
    other.sessions = one.sessions

    assert await wrong_of(one, other) == (0, [])
