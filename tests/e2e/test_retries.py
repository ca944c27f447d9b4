"""Clients that try again, in a whole run: they keep a server down that a fault has pushed over, and it is said."""

import os
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
SERVER = Path(__file__).parents[1] / "fakes" / "queueing_server.py"

# 30 calls a second, for a server that can do 60. While replies are late everybody asks ten times: 300 a second, and
# what has been asked is worked through, in its order, also for those who have gone. Nothing gets it out of that.
STORM = """
target: {{url: "http://127.0.0.1:{port}/call", protocol: plain}}
workload: [{{call: work}}]
load: [{{name: steady, rate: {{rate: 30/s, for: 23s}}}}]
timeout: 800ms
retries: {{attempts: 10, backoff: 20ms..20ms, budget: none}}
faults: [{{name: late, at: steady+8s, for: 5s, fault: latency, latency: 850ms}}]
"""


@pytest.fixture
def port() -> Iterator[int]:
    """Where it listens."""
    port = free_port()
    process = subprocess.Popen([sys.executable, str(SERVER), str(port), "60"])
    waiting.for_port(port, process)
    yield port
    process.kill()
    process.wait()


@pytest.mark.long  # tests/analysis/faults/test_metastable.py: it is said; tests/load/inside/users: every attempt has its row
def test_a_service_that_its_clients_keep_down_is_said_to_be(
    harness: Start, toxiproxy_binary: Path, tmp_path: Path, port: int
) -> None:
    """The fault is healed, 300 attempts a second go on, none is answered in time; every attempt has its row."""
    place = tmp_path / "bin"
    place.mkdir()
    (place / "toxiproxy-server").symlink_to(toxiproxy_binary)
    (tmp_path / "storm.yaml").write_text(STORM.format(port=port))
    command = harness(
        "run",
        str(tmp_path / "storm.yaml"),
        "--json",
        PATH=f"{place}{os.pathsep}{os.environ['PATH']}",
    )
    assert_no_reason_but_the_machine(
        command,
        must="retries kept the service down after late ",
        may="the fault late: not recovered |most calls failed: ",
    )
    summary = command.summary()
    retries, generator = summary["retries"], summary["generator"]

    assert [one["fault"] for one in retries["kept_down"]] == ["late"], summary["reasons"]
    assert any(reason.startswith("retries kept the service down after late") for reason in summary["reasons"])
    assert retries["budget_exhausted"] == 0
    assert (generator["started"], generator["lost"]) == (generator["recorded"], 0)
    rows = pq.read_table(Path(summary["run_dir"]) / "samples.parquet", columns=["user_class"]).to_pandas()
    again = rows["user_class"].astype(str).str.endswith("+retry")
    assert int(again.sum()) == retries["retried"]
    assert retries["calls"] + retries["retried"] == len(rows)
    assert int(again.sum()) > retries["calls"]
