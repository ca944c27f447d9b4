"""What only reads is tried once before the load; what may write is not; what fails from the start ends early."""

from pathlib import Path
from typing import Any

import pytest
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from harness.conduct.live.progress import Silent
from harness.conduct.run import conduct_run
from harness.conduct.run_values import FinishedRun, RunRequest
from harness.foundation.clock import FakeClock
from harness.foundation.errors import UsageError
from harness.load.simulated import SimulatedServer, simulated
from harness.scenario.read import scenario_of
from tests.fakes.mcp_server import served

pytestmark = pytest.mark.parts  # a run has a janitor

SUSTAIN = {"sustain": {"users": 5, "for": "20s"}}


class Shop:
    """A server that counts the calls of its tools."""

    def __init__(self, works_from: int = 1) -> None:
        self.calls = {"look": 0, "buy": 0}
        self.server = MCPServer("shop")

        @self.server.tool(annotations=ToolAnnotations(read_only_hint=True))
        def look(shelf: str) -> str:
            self.calls["look"] += 1
            if shelf == "nowhere" or self.calls["look"] < works_from:
                raise ToolError(f"there is no shelf {shelf}")
            return shelf

        @self.server.tool()
        def buy(what: str) -> str:
            self.calls["buy"] += 1
            return what


async def conduct(
    out: Path, shop: Shop, workload: list[dict[str, Any]], server: SimulatedServer, **more: Any
) -> FinishedRun:
    clock = FakeClock()
    async with served(shop.server) as url:
        data = {"name": "sim", "target": {"url": url}, "workload": workload, "load": [SUSTAIN]} | more
        scenario = scenario_of(data, "test")
        asked = RunRequest(
            scenario, "sustain", ("harness",), out, clock=clock, engine=simulated(server, clock)
        )
        return await conduct_run(asked, Silent())


@pytest.mark.parametrize(
    ("workload", "calls"),
    [
        ([{"call": "look", "args": {"shelf": "{{random_choice a}}"}}], {"look": 1, "buy": 0}),
        ([{"call": "buy", "args": {"what": "milk"}}], {"look": 0, "buy": 0}),
        ([{"list": "tools"}], {"look": 0, "buy": 0}),
    ],
)
async def test_only_what_reads_is_called_before_the_load(tmp_path, workload, calls):
    shop = Shop()
    finished = await conduct(tmp_path, shop, workload, SimulatedServer())

    assert (shop.calls, finished.exit_code) == (calls, 0)


async def test_a_refusal_is_wrong_use_in_the_words_of_the_server(tmp_path):
    shop = Shop()
    with pytest.raises(UsageError) as raised:
        await conduct(tmp_path, shop, [{"call": "look", "args": {"shelf": "nowhere"}}], SimulatedServer())

    assert "there is no shelf nowhere" in " ".join(raised.value.lines())
    assert raised.value.exit_code == 2
    assert not list(tmp_path.glob("sim/2*"))  # nothing ran


async def test_a_reply_that_is_not_what_was_expected_ends_the_run_before_the_load(tmp_path: Path) -> None:
    """With the reason and the server's words."""
    look = {"call": "look", "args": {"shelf": "a"}, "expect": {"contains": "milk"}}
    with pytest.raises(UsageError, match="The reply of look is not what was expected") as raised:
        await conduct(tmp_path, Shop(), [look], SimulatedServer())

    assert "without 'milk': a" in " ".join(raised.value.lines())


async def test_a_server_that_fails_now_and_then_is_not_refused(tmp_path):
    shop = Shop(works_from=3)
    finished = await conduct(tmp_path, shop, [{"call": "look", "args": {"shelf": "a"}}], SimulatedServer())

    assert (shop.calls["look"], finished.exit_code) == (3, 0)


BUY = [{"call": "buy", "args": {"what": "milk"}}]


async def test_a_load_that_fails_from_the_start_ends_early(tmp_path):
    finished = await conduct(tmp_path, Shop(), BUY, SimulatedServer(limit_users=0))

    assert finished.exit_code == 1
    assert "the first 20 calls all failed" in finished.summary.reasons[0]
    assert finished.summary.duration_s < 10


async def test_expected_failures_go_on_and_fail_the_run_all_the_same(tmp_path):
    finished = await conduct(tmp_path, Shop(), BUY, SimulatedServer(limit_users=0), expect_failures=True)

    assert finished.exit_code == 1
    assert finished.summary.reasons[0].startswith("none of ")
    assert finished.summary.duration_s > 15
