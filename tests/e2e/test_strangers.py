"""Who joins a load: workers of the run, and nobody else. Real Locust workers, on the same machine."""

import json
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from harness.services.processes.ports import free_port
from tests.e2e.conftest import CLEAN
from tests.e2e.leftovers import processes_of

ROOT = Path(__file__).parents[2]
Start = Callable[..., Any]
LOCUST = (sys.executable, "-m", "locust", "-f", str(ROOT / "locustfiles" / "mcp.py"))
SUSTAIN = (
    "sustain",
    "--users",
    "6",
    "--for",
    "10m",
    "--no-think",
    "--json",
    "--protocol",
    "plain",
)  # the test ends it


@pytest.fixture
def echo_url() -> Iterator[str]:
    """Somebody to call."""
    command = [sys.executable, str(ROOT / "tests" / "fakes" / "echo_server.py"), "127.0.0.1", "0.02"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield f"http://127.0.0.1:{process.stdout.readline().strip()}/mcp"
    process.kill()
    process.communicate()


@pytest.fixture
def locust(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Starts plain Locust with these flags; returns its log. Ends it with the test."""
    with ExitStack() as stack:

        def start(*flags: str, **environment: str) -> Path:
            path = tmp_path / f"locust-{len(list(tmp_path.glob('locust-*')))}.log"
            with path.open("wb") as log:
                process = subprocess.Popen([*LOCUST, *flags], env=CLEAN | environment, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return path

        yield start


def master_port(run: Path, tmp_path: Path) -> str:
    """Where the master of a run listens, as the kernel says."""

    def listening() -> list[str]:
        masters = [pid for pid, line in processes_of(run, tmp_path).items() if "distributed.master" in line]
        return [port for pid in masters for port in listened(pid)]

    wait_for(listening)
    (port,) = listening()
    return port


def listened(pid: int) -> list[str]:
    """The ports at which a process listens."""
    files = [str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir() if one.is_symlink()]
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [str(int(row[1][-4:], 16)) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in files]


def wait_for(there: Callable[[], Any], within_s: float = 120) -> None:
    deadline = time.monotonic() + within_s
    while not there() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert there()


def test_strangers_join_a_run_under_way_and_get_no_user(
    harness: Start, echo_url: str, locust: Callable[..., Path], tmp_path: Path
) -> None:
    """One without a token and one with a wrong one: the load and its rows are as they were asked for, and it is said."""
    command = harness(*SUSTAIN, "--url", echo_url, "--call", "echo")
    wait_for(command.run_dir)
    run = command.run_dir()
    port = master_port(run, tmp_path)
    join = ("--worker", "--master-host", "127.0.0.1", "--master-port", port)
    logs = [locust(*join), locust(*join, HARNESS_JOIN_TOKEN=secrets.token_hex(16))]

    def refused() -> list[dict[str, Any]]:
        events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
        return [event for event in events if event["event"] == "stranger_refused"]

    def reasons() -> set[str]:
        return {event["why"] for event in refused()}

    wait_for(lambda: reasons() == {"without a token", "with another token"})
    for log in logs:
        wait_for(lambda log=log: "Error: " in log.read_text())
    command.signal(signal.SIGINT)
    assert command.wait() == 130, command.stderr
    summary = command.summary()
    generator = summary["generator"]
    assert generator["strangers_refused"] == sum(event["attempts"] for event in refused()) > 0
    assert command.stderr.count("a worker tried to join the load") == 1
    assert "refused attempts to join the load: " in (run / "report.html").read_text()
    # All users ran here, and every call has its row.
    assert not any(" users were running instead of " in reason for reason in summary["reasons"])
    assert not any("was lost" in reason for reason in summary["reasons"])
    assert generator["started"] == generator["recorded"] == summary["totals"]["requests"] > 100
    assert (generator["lost"], summary["totals"]["failed"]) == (0, 0)
    table = pq.read_table(run / "samples.parquet", columns=["worker", "user"]).to_pandas()
    assert set(table["worker"]) == {0}
    assert sorted(set(table["user"])) == list(range(6))
    for log, why in zip(logs, ("It has no token", "Its token is not that of the run"), strict=True):
        assert "Spawning" not in log.read_text()
        assert "Traceback" not in log.read_text()
        said = log.read_text().partition("Error: ")[2].splitlines()
        assert said[0] == f"The master at tcp://127.0.0.1:{port} does not let this worker in"
        assert (said[1].strip().startswith(why), len(said)) == (True, 3)


@pytest.mark.parametrize(
    "environment", [{}, {"HARNESS_JOIN_TOKEN": secrets.token_hex(16)}], ids=["plain", "sealed"]
)
def test_a_plain_master_and_its_workers_join_with_the_same_token_and_without_any(
    locust: Callable[..., Path], echo_url: str, environment: dict[str, str]
) -> None:
    """Whoever runs Locust alone is not disturbed, and may seal it."""
    port = free_port()
    place = ("--headless", "--expect-workers", "1", "--users", "1", "--run-time", "60")
    master = locust(
        "--master", "--master-bind-port", str(port), *place, "--host", echo_url, "--mcp-protocol", "plain",
        **environment,
    )  # fmt: skip
    locust("--worker", "--master-port", str(port), **environment)
    wait_for(lambda: "All users spawned" in master.read_text())


REFUSED = [
    ({}, "It has no token"),
    ({"HARNESS_JOIN_TOKEN": secrets.token_hex(16)}, "Its token is not that of the run"),
    ({"HARNESS_JOIN_TOKEN": "short"}, "It has 5 characters"),
    ({"HARNESS_JOIN_TOKEN_FILE": "/no/such/file"}, "No such file or directory"),
]


def test_a_worker_that_is_refused_says_why_and_ends(locust: Callable[..., Path]) -> None:
    """On its own terminal, in three lines; exit 2. Four of them, at one master."""
    port = free_port()
    master = locust("--master", "--master-bind-port", str(port), "--headless", "--expect-workers", "1",
                    HARNESS_JOIN_TOKEN=secrets.token_hex(16))  # fmt: skip
    wait_for(lambda: "Waiting for workers" in master.read_text())
    command = [*LOCUST, "--worker", "--master-port", str(port)]
    with ExitStack() as stack:
        workers = []
        for environment, _ in REFUSED:
            worker = subprocess.Popen(command, env=CLEAN | environment, stderr=subprocess.PIPE, text=True)
            stack.callback(worker.communicate)
            stack.callback(worker.kill)
            workers.append(worker)
        told = [worker.communicate(timeout=100)[1] for worker in workers]

    assert [worker.returncode for worker in workers] == [2] * len(REFUSED), told
    for text, (_, why) in zip(told, REFUSED, strict=True):
        assert "Traceback" not in text
        said = text.partition("Error: ")[2].splitlines()
        assert len(said) == 3
        assert why in said[1]
