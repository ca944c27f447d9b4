"""The simulated engine: what it writes is what its formula says."""

from pathlib import Path

import pytest

from harness.foundation.clock import FakeClock
from harness.load.engine import LoadSpec
from harness.load.simulated import SimulatedServer, simulated
from harness.run_directory.samples import Tail, frame


def spec(spool: Path) -> LoadSpec:
    return LoadSpec(
        base_url="", mcp_url="", ws_url="", protocol="plain", spool_dir=str(spool), epoch_ns=0, seed=3
    )


@pytest.mark.parametrize(
    ("users", "throughput_rps", "response_ms", "success"),
    [
        (1, 50, 20, 1.0),
        (10, 500, 20, 1.0),
        (20, 500, 40, 1.0),
        (40, 500, 80, 0.5),
    ],
)
async def test_throughput_response_and_failures_follow_the_closed_form(
    tmp_path: Path, users: int, throughput_rps: float, response_ms: float, success: float
) -> None:
    """Below capacity each user is served alone; beyond it they wait for each other; beyond the limit calls fail."""
    clock = FakeClock()
    server = SimulatedServer(service_ms=20, capacity_rps=500, limit_users=20, spread=0.05)
    async with simulated(server, clock)(spec(tmp_path)) as load:
        await load.set_users(users)
        await clock.sleep(20)
        assert await load.poll() == []
        await load.stop(0)
    data = frame([table for _, _, table in Tail(tmp_path).read()])

    assert len(data) / 20 == pytest.approx(throughput_rps, rel=0.01)
    assert ((data["done_ns"] - data["intended_ns"]) / 1e6).mean() == pytest.approx(response_ms, rel=0.05)
    assert (data["outcome"] == "ok").mean() == pytest.approx(success, abs=0.05)


async def test_every_simulated_call_is_numbered_and_recorded(tmp_path: Path) -> None:
    """started equals recorded equals rows, and the last block says it is the last."""
    clock = FakeClock()
    async with simulated(SimulatedServer(), clock)(spec(tmp_path)) as load:
        await load.set_users(5)
        for _ in range(3):
            await clock.sleep(1)
            await load.poll()
        await load.stop(0)
    blocks = Tail(tmp_path).read()
    gauges = blocks[-1][0]
    seq = frame([table for _, _, table in blocks])["seq"].tolist()

    assert seq == list(range(gauges.started))
    assert (gauges.recorded, gauges.last, len(seq)) == (gauges.started, True, 750)
