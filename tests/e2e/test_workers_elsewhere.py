"""Workers of other machines: two network namespaces with a cable between them, and another monotonic clock in one.

Without namespaces (not root, and no user namespaces either) the same is played on one host; the rest is skipped.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from harness.services.processes.ports import free_port
from tests import getting, waiting
from tests.e2e.conftest import CLEAN
from tests.e2e.disturbed import assert_only_the_machine
from tests.e2e.leftovers import assert_nothing_left

ROOT = Path(__file__).parents[2]
Start = Callable[..., Any]
ECHO = (sys.executable, str(ROOT / "tests" / "fakes" / "echo_server.py"))
WORKER = (sys.executable, "-m", "locust", "-f", str(ROOT / "locustfiles" / "mcp.py"), "--worker")
TOKEN = secrets.token_hex(16)  # given to both ends
SUSTAIN = ("sustain", "--no-think", "--json", "--protocol", "plain", "--call", "echo", "--timeout", "3s")

# Two hosts: this one has the server and the harness, the other one a worker, and a clock that is a day ahead.
HOSTS = """
set -e
ip link set lo up
timeout 100 unshare --net --time --monotonic 86400 --fork --kill-child bash -c '
  until ip link set hv1 up 2>/dev/null; do sleep 0.05; done
  ip addr add 10.77.0.2/24 dev hv1
  ip link set lo up
  exec "$@"' worker $WORKER --master-host 10.77.0.1 --master-port 5557 --mcp-allow-host 10.77.0.1 \
  > "$OUT/worker.log" 2>&1 &
WORKER_PID=$!
for other in $(seq 1200); do
  for pid in $(cat /proc/$WORKER_PID/task/*/children) ; do
    [ "$(readlink /proc/$pid/ns/net)" = "$(readlink /proc/self/ns/net)" ] || break 2
  done
  sleep 0.05
done
ip link add hv0 type veth peer name hv1 netns $pid
ip addr add 10.77.0.1/24 dev hv0
ip link set hv0 up
$ECHO 10.77.0.1 0.02 > "$OUT/port" &
until [ -s "$OUT/port" ]; do sleep 0.05; done
set +e
"$@" --url "http://10.77.0.1:$(cat "$OUT/port")/mcp"
CODE=$?
kill $!
wait $WORKER_PID
echo "$?" > "$OUT/worker.exit"
exit $CODE
"""


def namespaces() -> list[str]:
    """How to get them: as root, or as root of a user namespace."""
    outer = ["unshare", "--net"] if os.getuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    inner = ["unshare", "--net", "--time", "--monotonic", "1", "--fork", "ip", "link"]
    try:
        done = subprocess.run([*outer, *inner], capture_output=True, text=True, timeout=20, check=False)
    except OSError as error:
        pytest.skip(getting.namespaces(error))
    if done.returncode:
        pytest.skip(getting.namespaces(done.stderr.strip()))
    return outer


def test_a_worker_of_another_host_with_another_clock_is_measured_on_the_run_s_own(tmp_path: Path) -> None:
    """Its calls lie within the run though its clock is a day ahead; the offset is known to less than 5 ms; none is lost."""
    outer = namespaces()
    command = [sys.executable, "-m", "harness", *SUSTAIN, "--users", "4", "--for", "4s", "--workers", "1"]
    more = ["--expect-workers", "1", "--bind", "10.77.0.1:5557", "--allow-host", "10.77.0.1"]
    done = subprocess.run(
        [*outer, "bash", "-c", HOSTS, "hosts", *command, *more],
        env=CLEAN
        | {
            "HARNESS_JOIN_TOKEN": TOKEN,
            "OUT": str(tmp_path),
            "HARNESS_OUT": str(tmp_path / "out"),
            "ECHO": " ".join(ECHO),
        }
        | {"WORKER": " ".join(WORKER), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    said = done.stderr + (tmp_path / "worker.log").read_text()
    summary = json.loads(done.stdout)
    assert_only_the_machine(done.returncode, summary["reasons"], said)
    generator = summary["generator"]

    assert (generator["workers"], generator["lost"], summary["totals"]["failed"]) == (2, 0, 0), said
    assert 0 < generator["clock_error_ms"] < (1000 if summary["reasons"] else 5), said
    run = Path(summary["run_dir"])
    (clock,) = json.loads((run / "metadata.json").read_text())["clocks"]
    assert clock["offset_ms"] == pytest.approx(-86_400_000, abs=generator["clock_error_ms"] + 1)
    table = pq.read_table(run / "samples.parquet", columns=["worker", "intended_ns", "done_ns"]).to_pandas()
    spans = table.groupby("worker").agg(
        first=("intended_ns", "min"), last=("done_ns", "max"), rows=("done_ns", "size")
    )
    assert list(spans.index) == [0, 1]
    assert (spans["rows"] > 20).all()
    # Both ran in the same minute, not a day apart.
    assert abs(spans["first"].diff().iloc[1]) < 60e9
    assert abs(spans["last"].diff().iloc[1]) < 60e9
    assert (tmp_path / "worker.exit").read_text().strip() == "0", said


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def worker(port: int, tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts plain Locust workers on this machine; ends those that are left."""
    started = []

    def start(token_file: Path) -> "subprocess.Popen[bytes]":
        wait_for(token_file)
        log = (tmp_path / f"visitor-{len(started)}.log").open("wb")
        command = [*WORKER, "--master-host", "127.0.0.1", "--master-port", str(port)]
        env = CLEAN | {"HARNESS_JOIN_TOKEN_FILE": str(token_file)}
        with log:
            started.append(subprocess.Popen(command, env=env, stdout=log, stderr=log))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def echo_url() -> Iterator[str]:
    """Somebody to call."""
    process = subprocess.Popen([*ECHO, "127.0.0.1", "0.02"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield f"http://127.0.0.1:{process.stdout.readline().strip()}/mcp"
    process.kill()
    process.communicate()


def wait_for(file: Path) -> None:
    """Until it is there, and whole."""
    waiting.until(lambda: file.exists() and file.read_text().endswith("\n"))


def wait_for_users(run: Path, worker: int, users: int) -> None:
    """Until that worker has said that it runs so many."""

    def told() -> bool:
        lines = (run / "events.jsonl").read_text().rpartition("\n")[0].splitlines()
        events = [one for one in map(json.loads, lines) if one["event"] == "generator"]
        return any((one["worker"], one["users"]) == (worker, users) for one in events)

    waiting.until(told)


def test_a_visiting_worker_that_is_killed_leaves_its_rows_and_an_unknown_verdict(
    harness: Start, echo_url: str, worker: Callable[..., Any], port: int, tmp_path: Path
) -> None:
    """It is missed within seconds, by name; what it had sent is read."""
    more = ("--url", echo_url, "--expect-workers", "1", "--workers", "1", "--bind", f"127.0.0.1:{port}")
    command = harness(*SUSTAIN, "--users", "4", "--for", "10m", *more)
    waiting.until(command.run_dir)
    made = command.run_dir()
    visitor = worker(made / "join.token")
    run = command.wait_for_event("step_running")
    assert (run / "join.token").stat().st_mode & 0o077 == 0
    wait_for_users(run, worker=1, users=2)
    visitor.kill()

    assert command.wait() == 3, command.stderr
    summary = command.summary()
    assert any(
        reason.startswith("worker-1 was lost, ") and "with 2 users" in reason for reason in summary["reasons"]
    ), summary["reasons"]
    assert set(pq.read_table(run / "samples.parquet")["worker"].to_pylist()) == {0, 1}
    assert not (run / "join.token").exists()
    assert_nothing_left(run, tmp_path)
