"""Open load and steps by count on real sockets: every arrival is a call, or is counted as not sent."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from harness.services.processes.ports import free_port
from tests import waiting
from tests.e2e.disturbed import assert_no_reason_but_the_machine

Start = Callable[..., Any]

# One tool that takes its time: 0.25 s a call, one call at a time for all.
SLOW = """
import asyncio, sys, uvicorn
from mcp.server import MCPServer
server = MCPServer("slow", version="1.0")
turn = asyncio.Lock()
@server.tool()
async def wait() -> str:
    async with turn:
        await asyncio.sleep(0.25)
    return "done"
uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
"""


@pytest.fixture(scope="module")
def slow_url() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", SLOW, str(port)])
    waiting.for_port(port, process)
    yield f"http://127.0.0.1:{port}/mcp"
    process.kill()
    process.wait()


def test_arrivals_counts_and_sessions_on_two_workers(harness: Start, tmp_path: Path) -> None:
    """The reference server: the rate exactly, the count exactly, the calls of a session exactly."""
    scenario = tmp_path / "mixed.yaml"
    scenario.write_text(
        "mix: {light: 1}\nthink: false\nload:\n"
        "  - {name: climb, ramp: {to: 40/s, step: 20/s, hold: 2s}}\n"
        "  - {name: visits, sessions: {rate: 10/s, calls: 4, for: 2s}}\n"
        "  - {name: quick, bench: {requests: 50, users: 10}}\n"
        "  - {name: steady, sustain: {users: 2, for: 1s}}\n"
    )
    command = harness("run", str(scenario), "--workers", "2", "--protocol", "2026-07-28", "--json")
    assert_no_reason_but_the_machine(command)
    summary = command.summary()
    slower, faster, visits, quick, steady = summary["steps"]

    # 2026-07-28 opens no sessions: every row is a call that was wanted.
    assert [(one["rate"], one["requests"], one["not_sent"]) for one in (slower, faster)] == [
        (20, 32, 0),
        (40, 64, 0),
    ]
    assert (quick["users"], quick["requests"], quick["failed"]) == (10, 50, 0)
    assert steady["requests"] > 0
    generator, totals = summary["generator"], summary["totals"]
    assert (generator["lost"], totals["failed"], totals["not_sent"]) == (0, 0, 0)
    rows = pq.read_table(Path(summary["run_dir"]) / "samples.parquet").to_pandas()
    assert (rows["sent_ns"] >= rows["intended_ns"]).all()
    begun = rows[
        (rows["intended_ns"] >= visits["start_s"] * 1e9) & (rows["intended_ns"] < visits["end_s"] * 1e9)
    ]
    calls = begun.groupby(["worker", "user"]).size()
    assert visits["requests"] == len(begun) >= 16 * 3
    assert len(calls) <= 20  # a user of the pool is used again, by session after session


def test_a_server_that_is_too_slow_fails_the_objective_and_not_the_measurement(
    harness: Start, slow_url: str
) -> None:
    """Four calls a second can be answered, twenty arrive: what found no place is not sent, and that is the verdict."""
    command = harness(
        "rate", "--rate", "20/s", "--for", "4s", "--max-users", "4", "--queue", "4", "--url", slow_url, "--call", "wait",
        "--slo", "success_rate >= 1%", "--json",
    )  # fmt: skip
    assert_no_reason_but_the_machine(command, must=".* arrivals were not sent")
    summary = command.summary()
    (step,) = summary["steps"]
    (objective,) = summary["objectives"]

    assert objective["outcome"] == "fail"
    # What found no place counts for nothing here: a generator that was called so would have kept up with a third.
    behind = re.findall(r"kept up with (\d+)%", " ".join(summary["reasons"]))
    assert not [share for share in behind if int(share) < 50]
    opened = sum(row["requests"] for row in summary["operations"] if row["operation"] != "tools/call:wait")
    assert step["not_sent"] > 20
    assert step["requests"] + step["not_sent"] <= 20 * 3.2 + opened
    assert step["requests"] + step["not_sent"] >= 20 * 3.2 - 1
    # Whoever waited in the queue waited from when it was due.
    assert summary["latency_ms"]["response"]["max"] > summary["latency_ms"]["service"]["max"]
