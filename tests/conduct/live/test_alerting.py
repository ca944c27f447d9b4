"""Where alerts go: the console, and a real webhook."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from harness.conduct.live import alerting
from harness.conduct.live.alerts import Alert
from harness.conduct.live.progress import Plain
from tests.fakes.events import data_of

ALERT = Alert("p95 < 1s", broken=True, observed=1500.0, text="p95 < 1s does not hold: 1,500 ms")


@asynccontextmanager
async def webhook(status: int = 200) -> AsyncIterator[tuple[str, list[Any]]]:
    """Its URL, and what it was sent."""
    sent: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        sent.append(await request.json())
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_post("/hook/secret", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    try:
        yield f"http://127.0.0.1:{port}/hook/secret", sent
    finally:
        await runner.cleanup()


async def test_an_alert_reaches_the_console_and_the_webhook() -> None:
    """Also the one that was said last, before the run ended."""
    said = io.StringIO()
    async with webhook() as (url, sent):
        async with alerting.alerting(
            ["console", url], Plain(said), {"run_id": "r", "scenario": "n"}
        ) as telling:
            telling.tell(ALERT)
        assert sent == [
            {"text": ALERT.text, "run_id": "r", "scenario": "n", "alert": data_of(ALERT.event(0))},
        ]
    assert said.getvalue() == f"  ! {ALERT.text}\n"


@pytest.mark.parametrize("status", [302, 500])
async def test_a_webhook_that_refuses_is_said_without_its_secret(status: int) -> None:
    """A redirect is not followed."""
    said = io.StringIO()
    async with (
        webhook(status) as (url, sent),
        alerting.alerting([url], Plain(said), {}) as telling,
    ):
        telling.tell(ALERT)
        await asyncio.wait_for(telling.waiting.join(), 20)
        assert len(sent) == 1
    assert f"did not accept an alert: status {status}" in said.getvalue()
    assert "secret" not in said.getvalue()


async def test_a_webhook_that_is_not_there_costs_an_alert_and_a_queue_is_bounded() -> None:
    """Nothing is raised, and what is lost is said."""
    said = io.StringIO()
    async with alerting.alerting(["http://127.0.0.1:1/secret"], Plain(said), {}) as telling:
        for _ in range(alerting.WAITING_MOST + 1):
            telling.tell(ALERT)
        assert said.getvalue().count("was not sent") == 1
    assert "did not accept an alert" in said.getvalue()
    assert "secret" not in said.getvalue()
