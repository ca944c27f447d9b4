"""A run that is watched from outside while it goes on: by Prometheus, and in Locust's own web UI."""

import asyncio
import re
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from tests.fakes.exposition import families
from tests.fakes.mcp_server import mcp_server

PATIENCE_S = 60.0


async def announced(command: Any) -> list[str]:
    """The two addresses that it says on standard error."""
    found: list[str] = []
    while len(found) < 2:
        line = await asyncio.to_thread(command.process.stderr.readline)
        assert line, "it ended without having said where to look"
        found += re.findall(r"(?:For Prometheus|Locust's web UI, to look at): (\S+)", line)
    return found


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    """Until what is looked at is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not await look():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def test_a_run_is_seen_from_outside_and_only_seen(harness: Callable[..., Any]) -> None:
    """Both count the calls of every user while they are made; neither can change the load, or outlives it."""
    async with mcp_server() as url, aiohttp.ClientSession() as session:
        load = ("--users", "3", "--for", "5m", "--call", "echo", "--no-think")
        command = harness("sustain", *load, "--url", url, "--prometheus", "0", "--web", "--json")
        metrics, web = await announced(command)

        async def text(address: str) -> str:
            async with session.get(address) as response:
                assert response.status == 200
                return await response.text()

        async def seen_by_locust() -> bool:
            async with session.get(f"{web}/stats/requests") as response:
                found = await response.json()
            calls = [one for one in found["stats"] if one["name"] == "tools/call:echo"]
            return found["user_count"] == 3 and bool(calls) and calls[0]["num_requests"] > 100

        async def seen_by_prometheus() -> bool:
            page = families(await text(metrics))
            return (
                "harness_calls_total" in page
                and page["harness_users"].value() == 3
                and page["harness_step_info"].labels("step") == {"sustain"}
                and sum(page["harness_calls_total"].values(operation="tools/call:echo", outcome="ok")) > 100
                and page["harness_worker_cpu_ratio"].value(worker="0") > 0
            )

        await until(seen_by_locust)
        await until(seen_by_prometheus)
        assert "Locust" in await text(web)
        async with session.post(f"{web}/swarm", data={"user_count": 50, "spawn_rate": 50}) as response:
            assert (response.status, "The harness controls this run" in await response.text()) == (403, True)
        command.signal(signal.SIGINT)
        assert await asyncio.to_thread(command.wait) == 130, command.stderr

        for address in (metrics, web):
            try:
                await text(address)
            except aiohttp.ClientConnectorError:
                continue
            raise AssertionError(f"{address} still answers")
    (step,) = command.summary()["steps"]
    assert step["users"] == 3
