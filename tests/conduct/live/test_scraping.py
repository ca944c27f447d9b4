"""The page that Prometheus scrapes: where it is, and a whole run through it."""

import asyncio
import io
import re
import socket
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from harness.conduct.live.progress import Plain
from harness.conduct.live.scraping import place_of, scraped
from harness.conduct.run import conduct_run
from harness.conduct.run_values import RunRequest
from harness.foundation.clock import FakeClock
from harness.foundation.errors import UsageError
from harness.load.engine import Load, LoadSpec, Trouble
from harness.load.simulated import SimulatedServer, simulated
from harness.report import read_run
from harness.scenario.read import scenario_of
from tests.fakes.exposition import Family, families
from tests.fakes.mcp_server import mcp_server


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("9464", ("127.0.0.1", 9464)),
        (":0", ("127.0.0.1", 0)),
        ("0.0.0.0:9464", ("0.0.0.0", 9464)),
        ("[::1]:1", ("::1", 1)),
        ("prometheus.local:1", ("prometheus.local", 1)),
    ],
)
def test_a_place_is_on_loopback_unless_it_says_otherwise(text: str, place: tuple[str, int]) -> None:
    """[HOST:]PORT."""
    assert place_of(text) == place


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost",
        "65536",
        "1:x",
        "9464/metrics",
        "-1",
        "a" * 70 + ":1",
        "[::1:9464",
        "a b:1",
        "9" * 5000,
    ],
)
def test_what_is_no_place_is_wrong_use(text: str) -> None:
    """With an example that works."""
    with pytest.raises(UsageError, match="HOST:"):
        place_of(text)


async def test_a_port_that_is_taken_ends_the_run_before_it_begins(tmp_path: Path) -> None:
    """Nothing is made."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        scenario = scenario_of(
            {
                "name": "n",
                "load": [{"sustain": {"users": 1, "for": "1s"}}],
                "target": {"url": "http://127.0.0.1:1"},
            },
            "test",
        )
        asked = RunRequest(scenario, "run", (), tmp_path / "out", prometheus=place)
        with pytest.raises(UsageError, match="Cannot listen") as raised:
            await conduct_run(asked, Plain(io.StringIO()))

    assert raised.value.exit_code == 2
    assert "--prometheus" in raised.value.todo
    assert not (tmp_path / "out").exists()


async def test_the_page_is_plain_text_of_its_version() -> None:
    """And there is no other."""
    async with (
        scraped("0") as page,
        aiohttp.ClientSession() as session,
    ):
        assert page is not None
        page.meters.info = {"run_id": "r"}
        async with session.get(page.url) as response:
            assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert {*families(await response.text())} == {"harness_run_info"}
        async with session.get(page.url.replace("metrics", "else")) as response:
            assert response.status == 404


async def scrape(address: str) -> dict[str, Family]:
    async with aiohttp.ClientSession() as session, session.get(address) as response:
        return families(await response.text())


@pytest.mark.parts
async def test_a_run_can_be_scraped_while_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counters only grow; in the end they are the rows of the run, and the histogram its ok calls."""
    clock, said = FakeClock(), io.StringIO()
    pages: list[dict[str, Family]] = []

    def address() -> str:
        found = re.search(r"For Prometheus: (\S+)", said.getvalue())
        assert found is not None
        return found[1]

    @asynccontextmanager
    async def engine(spec: LoadSpec) -> AsyncIterator[Load]:
        async with simulated(SimulatedServer(limit_users=12), clock)(spec) as load:

            class Scraped:
                async def set_users(self, count: int, requests: int | None = None) -> int:
                    pages.append(await scrape(address()))
                    return await load.set_users(count, requests)

                async def poll(self) -> list[Trouble]:
                    return await load.poll()

                async def stop(self, drain_s: float, *, cancelled: bool = False) -> None:
                    pages.append(await scrape(address()))
                    await load.stop(drain_s, cancelled=cancelled)

                def facts(self) -> dict[str, Any]:
                    return load.facts()

            yield Scraped()  # type: ignore[misc]

    def read(path: Path) -> Any:
        with urllib.request.urlopen(address()) as response:
            pages.append(families(response.read().decode()))
        return read_run(path)

    monkeypatch.setattr("harness.conduct.closing.read_run", read)
    load = [
        {"name": "climb", "ramp": {"to": 20, "step": 5, "hold": "15s", "confirm": False, "break_below": "1%"}}
    ]
    async with mcp_server() as url:
        scenario = scenario_of(
            {
                "name": "sim",
                "target": {"url": url},
                "workload": [{"call": "echo"}],
                "load": load,
                "objectives": ["p95 < 1ms", "success_rate >= 1%"],
            },
            "test",
        )
        asked = RunRequest(scenario, "ramp", (), tmp_path, clock=clock, engine=engine, prometheus="0")
        finished = await asyncio.wait_for(conduct_run(asked, Plain(said)), 60)

    totals = [
        sum(page["harness_calls_total"].values()) if "harness_calls_total" in page else 0 for page in pages
    ]
    assert totals == sorted(totals)
    assert len({*totals}) >= 4
    last = pages[-1]
    assert totals[-1] == finished.summary.totals.requests == finished.summary.generator.recorded
    assert sum(last["harness_calls_total"].values(outcome="ok")) == finished.summary.totals.ok
    assert last["harness_response_seconds"].value("_count") == finished.summary.totals.ok
    info = last["harness_run_info"]
    assert (info.labels("run_id"), info.labels("scenario")) == ({finished.summary.run_id}, {"sim"})
    held = [page["harness_objective_holds"] for page in pages if "harness_objective_holds" in page]
    assert held
    assert {one.value(objective="p95 < 1ms") for one in held} == {0}
    assert {one.value(objective="success_rate >= 1%") for one in held} == {1}
    with pytest.raises(aiohttp.ClientConnectorError):
        await scrape(address())
