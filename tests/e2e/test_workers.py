"""Several workers: their shares, and what becomes of a run whose workers or master are lost, real processes throughout."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.e2e.disturbed import assert_no_reason_but_the_machine
from tests.e2e.leftovers import assert_nothing_left, processes_of

ROOT = Path(__file__).parents[2]
Start = Callable[..., Any]


@contextmanager
def echoing(takes_s: float) -> Iterator[str]:
    """The least that can answer: what is measured here is the harness."""
    argv = [sys.executable, str(ROOT / "tests" / "fakes" / "echo_server.py"), "127.0.0.1", str(takes_s)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield f"http://127.0.0.1:{process.stdout.readline().strip()}/mcp"
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def echo_url() -> Iterator[str]:
    """A hundred calls a second for each two users, which leaves the processors to other tests."""
    with echoing(0.02) as url:
        yield url


@pytest.fixture
def quick_url() -> Iterator[str]:
    """As many calls as it can."""
    with echoing(0) as url:
        yield url


def sustain(harness: Start, url: str, *more: str) -> Any:
    return harness(
        *("sustain", "--for", "10m", "--no-think", "--json", "--timeout", "3s", "--url", url),
        *("--protocol", "plain", "--call", "echo", *more),
    )


def pid_of(run: Path, tmp_path: Path, program: str) -> int:
    (found,) = [pid for pid, line in processes_of(run, tmp_path).items() if program in line]
    return found


def lines(run: Path) -> list[dict[str, Any]]:
    """What has been written; a line that is being written ends without a newline."""
    whole = (run / "events.jsonl").read_text().rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


REPORTS_NS = 2e9  # a report tells of the second before it
LOST = [
    # which process, the signal, which part is said to be lost, why
    ("distributed.local 1 ", signal.SIGKILL, "worker-1", "it was ended by SIGKILL"),
    ("distributed.local 1 ", signal.SIGSTOP, "worker-1", "its heartbeats do not come any more"),
    pytest.param(
        "distributed.master",
        signal.SIGSTOP,
        "locust-master",
        "it has sent nothing for 10 s",
        marks=pytest.mark.long,
    ),
]


@pytest.mark.parametrize(("program", "number", "part", "why"), LOST)
def test_a_part_that_is_killed_or_hangs_ends_the_run_as_unknown_with_the_rows_there_were(
    harness: Start, echo_url: str, tmp_path: Path, program: str, number: int, part: str, why: str
) -> None:
    """Which part, with how many users; every worker has rows up to what it had told of itself; nothing is left."""
    command = sustain(harness, echo_url, "--workers", "2", "--users", "5")
    run = command.wait_for_event("step_running")
    command.wait_for_event('generator","worker":1,"cpu')
    told_ns = {event["worker"]: event["at_ns"] for event in lines(run) if event["event"] == "generator"}
    os.kill(pid_of(run, tmp_path, program), number)

    assert command.wait() == 3, command.stderr
    summary = command.summary()
    assert summary["verdict"] == "unknown"
    every = {event["worker"]: event for event in lines(run) if event["event"] == "worker_lost"}
    # Workers leave a master that says nothing, after as long as it takes to be found out: they may be quicker.
    assert part in every or (part == "locust-master" and every), every
    lost = every.get(part) or next(iter(every.values()))
    assert lost["why"] == why or lost["worker"] != part
    if part == "worker-1":
        # Locust deals users out in turn, and of two that are there the second has two of five.
        assert lost["users"] in {2, 3}
    assert any(reason.startswith(f"{lost['worker']} was lost, ") for reason in summary["reasons"])
    table = pq.read_table(run / "samples.parquet", columns=["worker", "done_ns"]).to_pandas()
    last_ns = table.groupby("worker")["done_ns"].max()
    assert list(last_ns.index) == [0, 1]
    assert all(last_ns[worker] > at_ns - REPORTS_NS for worker, at_ns in told_ns.items())
    assert_nothing_left(run, tmp_path)


def test_a_worker_that_cannot_write_is_said_and_ends_the_run_in_order(
    harness: Start, echo_url: str, tmp_path: Path
) -> None:
    """As on a full disk: what was written before is read, the verdict is unknown, the reason says why."""
    command = sustain(harness, echo_url, "--users", "2")
    run = command.wait_for_event("step_running")
    command.wait_for_event('generator","worker":0,"cpu')
    resource.prlimit(pid_of(run, tmp_path, "distributed.local 0 "), resource.RLIMIT_FSIZE, (4096, 4096))

    assert command.wait() == 3, command.stderr
    summary = command.summary()
    assert any(
        reason.startswith("worker-0 could not write its rows, ") and reason.endswith("File too large")
        for reason in summary["reasons"]
    ), summary["reasons"]
    assert summary["totals"]["ok"] > 0
    assert_nothing_left(run, tmp_path)


# `make count` makes it 200,000; for a suite that runs all day a fiftieth of that will do.
CALLS = int(os.environ.get("HARNESS_TEST_CALLS", "4000"))


@pytest.mark.timeout(300)
def test_many_calls_are_all_there_and_shared_out_between_the_workers(
    harness: Start, quick_url: str, tmp_path: Path
) -> None:
    """lost == 0; each worker's numbers have no gap; no user is on two workers; the shares are the whole."""
    scenario = tmp_path / "many.yaml"
    scenario.write_text(
        "name: many\nworkers: 2\nthink: false\nworkload: [{call: echo}]\n"
        f"target: {{url: '{quick_url}', protocol: plain}}\n"
        f"load:\n  - ramp: {{to: 20, step: 20, requests_per_user: {CALLS // 20}, confirm: false}}\n"
    )
    command = harness("run", str(scenario), "--json")
    assert_no_reason_but_the_machine(command, within_s=280)

    summary = command.summary()
    generator = summary["generator"]
    assert (generator["lost"], generator["strangers_refused"]) == (0, 0)
    assert generator["started"] == generator["recorded"] == summary["totals"]["requests"] >= CALLS
    assert summary["totals"]["failed"] == 0
    table = pq.read_table(
        Path(summary["run_dir"]) / "samples.parquet", columns=["worker", "seq", "user"]
    ).to_pandas()
    for _, rows in table.groupby("worker"):
        assert sorted(rows["seq"]) == list(range(len(rows)))
    users = {worker: set(rows["user"]) for worker, rows in table.groupby("worker")}
    assert sorted(users) == [0, 1]
    assert [len(found) for found in users.values()] == [10, 10]
    assert users[0].isdisjoint(users[1])
