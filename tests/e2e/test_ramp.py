"""`harness ramp` on real parts: the reference server on its PostgreSQL, other people's servers, and nothing left."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest

from harness.cli.main import run
from harness.services.processes.ports import free_port
from tests import npm, waiting
from tests.e2e.conftest import EMBEDDED
from tests.e2e.disturbed import assert_no_reason_but_the_machine
from tests.e2e.leftovers import assert_nothing_left

Start = Callable[..., Any]
RAMP = ("ramp", "--max", "4", "--step", "2", "--hold", "1s")

TINY = """
import sys, uvicorn
from mcp.server import MCPServer
server = MCPServer("tiny", version="1.0")
@server.tool()
def echo(message: str) -> str:
    return message
uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
"""


@pytest.fixture(scope="module")
def tiny_url() -> Iterator[str]:
    """A server of the official SDK with one tool."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", TINY, str(port)])
    waiting.for_port(port, process)
    yield f"http://127.0.0.1:{port}/mcp"
    process.kill()
    process.wait()


def test_one_valid_object_every_call_accounted_for_and_nothing_left(harness: Start, tmp_path: Path) -> None:
    """started == recorded == rows, no loss; the table's users are the steps; the parts are gone."""
    command = harness(*RAMP, "--json", **EMBEDDED)
    assert_no_reason_but_the_machine(command)
    summary = command.summary()
    generator = summary["generator"]
    run = Path(summary["run_dir"])
    rows = pq.read_metadata(run / "samples.parquet").num_rows
    assert generator["started"] == generator["recorded"] == rows == summary["totals"]["requests"] > 0
    assert (generator["lost"], summary["totals"]["failed"]) == (0, 0)
    assert [step["users"] for step in summary["steps"]] == [2, 4]
    assert summary["target"]["server"]["name"] == "harness-target"
    assert {operation["user_class"] for operation in summary["operations"]} <= {
        "LightUser",
        "HeavyUser",
        "WebSocketUser",
    }
    assert not (run / "spool").exists()
    assert "<html" in (run / "report.html").read_text()
    assert_nothing_left(run, tmp_path)


@pytest.mark.parametrize(
    "protocol",
    ["auto", *(pytest.param(each, marks=pytest.mark.long) for each in ("2025-11-25", "2024-11-05"))],
)
def test_a_server_of_the_official_sdk_is_loaded_in_every_dialect_and_a_person_reads_a_table(
    harness: Start, tiny_url: str, protocol: str
) -> None:
    """--call makes any server's tool the load.

    Without --json the table goes to standard output and progress to standard error: plain lines, no terminal codes, when
    nobody watches.
    """
    arguments = '{"message": "hi {{counter}}"}'
    command = harness(*RAMP, "--url", tiny_url, "--protocol", protocol, "--call", "echo", "--args", arguments)
    assert_no_reason_but_the_machine(command)

    assert "none up to 4 users" in command.stdout
    assert "report.html" in command.stdout
    assert "2 users" in command.stderr
    assert "\x1b" not in command.stdout + command.stderr
    run_dir = command.run_dir()
    assert run_dir is not None
    summary = json.loads((run_dir / "summary.json").read_bytes())
    assert summary["target"]["protocol"] == ("2026-07-28" if protocol == "auto" else protocol)
    assert summary["target"]["server"] == {"name": "tiny", "version": "1.0"} or protocol == "2026-07-28"
    assert {operation["operation"] for operation in summary["operations"]} >= {"tools/call:echo"}
    assert summary["totals"]["failed"] == 0


@pytest.fixture(scope="module")
def everything_url() -> Iterator[str]:
    """npm's reference server, of the TypeScript SDK."""
    with npm.everything("streamableHttp") as origin:
        yield f"{origin}/mcp"


@pytest.mark.timeout(240)
def test_npm_s_server_everything_is_loaded(harness: Start, everything_url: str) -> None:
    """Priming events, sessions of another SDK, the version it offers; its side counts as many calls as there are rows."""
    command = harness(
        *RAMP, "--json", "--url", everything_url, "--call", "echo", "--args", '{"message": "hi"}'
    )
    assert_no_reason_but_the_machine(command)

    summary = command.summary()
    assert (summary["target"]["protocol"], summary["totals"]["failed"]) == ("2025-11-25", 0)
    assert summary["sessions"]["opened"] == 4
    assert summary["generator"]["started"] == summary["generator"]["recorded"]
    place = Path(summary["run_dir"]) / "samples.parquet"
    rows = pq.read_table(place, columns=["operation", "outcome"]).to_pandas()
    echoed = rows[rows["operation"] == "tools/call:echo"]["outcome"].value_counts().to_dict()
    counted = npm.counted(everything_url.removesuffix("/mcp"))
    rows_and_trial = echoed["ok"] + 1  # it says that it only reads, so it was tried once before the load
    assert (counted["calls"], counted["ok"]) == ({"echo": rows_and_trial}, rows_and_trial)


def test_another_server_without_call_is_told_what_would_work(
    harness: Start, tiny_url: str, tmp_path: Path
) -> None:
    """Exit 2 with a command that can be pasted, and no run directory."""
    command = harness(*RAMP, "--url", tiny_url)

    assert command.wait() == 2
    assert re.search(
        rf"""harness ramp --max \d+ --url {tiny_url} --call echo --args '{{"message": "\w+"}}'""",
        command.stderr,
    )
    assert list((tmp_path / "out").glob("*/*")) == []


def test_a_target_that_is_not_there_is_exit_4(harness: Start, tmp_path: Path) -> None:
    """At once, with what to do, and no run directory."""
    command = harness(*RAMP, "--url", f"http://127.0.0.1:{free_port()}/mcp")

    assert command.wait() == 4
    assert "is not there" in command.stderr
    assert list((tmp_path / "out").glob("*/*")) == []


@pytest.mark.parametrize("address", ["http://10.255.255.1/mcp", "http://example.com/mcp"])
def test_another_machine_is_refused(address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is sent."""
    assert run([*RAMP, "--out", str(tmp_path / "out"), "--url", address]) == 2
    assert "is not this machine" in capsys.readouterr().err


def test_an_unwritable_out_is_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file stands where the directory should be."""
    (tmp_path / "file").write_text("")

    assert run([*RAMP, "--out", str(tmp_path / "file")]) == 2
    assert "Cannot write to" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("at once", signal.SIGINT),
        pytest.param("step_asked", signal.SIGTERM, marks=pytest.mark.long),
        pytest.param(
            "step_running", signal.SIGINT, marks=pytest.mark.long
        ),  # test_fault_runs.py: the same in mid-fault
    ],
)
def test_an_interruption_stops_the_load_writes_a_report_and_exits_130(
    harness: Start, tmp_path: Path, number: int, moment: str
) -> None:
    """While parts start, while users start, in the middle of a step."""
    command = harness(
        "ramp", "--max", "8", "--step", "4", "--hold", "5m", **(EMBEDDED if moment == "at once" else {})
    )
    if moment == "at once":
        waiting.until(command.run_dir)
    else:
        command.wait_for_event(moment)
    command.signal(number)

    assert command.wait() == 130, command.stderr
    run = command.run_dir()
    assert run is not None
    summary = json.loads((run / "summary.json").read_text())
    assert (summary["exit_code"], summary["generator"]["lost"]) == (130, 0)
    assert (run / "report.html").exists()
    assert_nothing_left(run, tmp_path)


@pytest.mark.long  # test_parts.py: the same, though the janitor is another by then; test_lost_calls.py: it is read
@pytest.mark.parametrize("seed", [0, 1])
def test_nothing_is_left_of_a_run_whose_harness_was_killed(harness: Start, tmp_path: Path, seed: int) -> None:
    """kill -9 at a random moment: no process, no port, no temporary directory; and the run can still be read."""
    command = harness("ramp", "--max", "8", "--step", "4", "--hold", "5m", **EMBEDDED)
    moment = ["run_started", "generator"][seed]
    run = command.wait_for_event(moment)
    time.sleep(Random(seed).random())  # a random moment is the point
    command.signal(signal.SIGKILL)
    command.wait()

    assert_nothing_left(run, tmp_path)
    again = harness("report", str(run))
    assert again.wait() == 3, again.stderr
    assert "cut off" in again.stdout


@pytest.mark.parametrize(
    ("protocol", "transports"),
    [
        ("plain", {"http", "websocket"}),
        # With sessions: test_protocols.py, and npm's server above, show runs of those.
        *(
            pytest.param(each, {"http", "websocket"}, marks=pytest.mark.long)
            for each in ("websocket", "2025-06-18")
        ),
    ],
)
def test_every_user_class_speaks_the_protocol_that_was_asked_for(
    harness: Start, protocol: str, transports: set[str]
) -> None:
    """Over the reference server's other doors; WebSocket users keep to theirs."""
    command = harness(*RAMP, "--json", "--protocol", protocol)
    assert_no_reason_but_the_machine(command)

    summary = command.summary()
    assert (summary["target"]["protocol"], summary["totals"]["failed"]) == (protocol, 0)
    table = pq.read_table(
        Path(summary["run_dir"]) / "samples.parquet", columns=["transport", "operation", "user_class"]
    )
    assert set(table["transport"].to_pylist()) == transports
    lists = {
        (row["user_class"], row["transport"])
        for row in table.to_pylist()
        if row["operation"] == "tools/call:list_databases"
    }
    assert ("LightUser", "websocket" if protocol == "websocket" else "http") in lists
    assert ("WebSocketUser", "websocket") in lists or not any(name == "WebSocketUser" for name, _ in lists)


def test_a_server_that_the_scenario_starts_is_measured_at_its_endpoint_and_stopped(
    harness: Start, tmp_path: Path
) -> None:
    """A command, its endpoint, and nothing else: ready when the endpoint answers."""
    port = free_port()
    (tmp_path / "tiny.py").write_text(TINY)
    (tmp_path / "mine.yaml").write_text(
        f"""
target: {{command: [{sys.executable}, {tmp_path / "tiny.py"}, "{port}"], url: "http://127.0.0.1:{port}/mcp"}}
workload: [{{call: echo, args: {{message: hello}}}}]
load: [{{sustain: {{users: 1, for: 2s}}}}]
think: false
"""
    )
    command = harness("run", str(tmp_path / "mine.yaml"), "--json")

    assert_no_reason_but_the_machine(command)
    summary = command.summary()
    assert summary["target"]["server"] == {"name": "tiny", "version": "1.0"}
    assert summary["totals"]["ok"] == summary["totals"]["requests"] > 0
    assert summary["target"]["rss_max_mb"] > 1
    assert json.loads((Path(summary["run_dir"]) / "metadata.json").read_text())["target"]["managed"] is True
    assert_nothing_left(Path(summary["run_dir"]), tmp_path)
