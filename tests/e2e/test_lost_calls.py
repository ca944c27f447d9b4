"""Calls of a worker, or of a whole harness, that was killed: counted, against a server that counts by itself."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import waiting
from tests.e2e.leftovers import assert_nothing_left, processes_of
from tests.truth.runs import Server, serving

Start = Callable[..., Any]
USERS = 8  # so many calls are on their way at most


@pytest.fixture
def server() -> Iterator[Server]:
    with serving("times", seconds=0.04) as running:
        yield running


def sustain(harness: Start, url: str) -> Any:
    return harness(
        *("sustain", "--users", str(USERS), "--for", "10m", "--no-think", "--workers", "2", "--json"),
        *("--url", url, "--protocol", "plain", "--call", "wait", "--timeout", "3s"),
    )


def pid_of(run: Path, tmp_path: Path, program: str) -> int:
    (found,) = [pid for pid, line in processes_of(run, tmp_path).items() if program in line]
    return found


def check(summary: dict[str, Any], server: Server) -> None:
    """What the server got was started; what was started and did not get there was on its way."""
    generator, asked = summary["generator"], server.record().asked["tools/call"]
    assert asked <= generator["started"] <= asked + USERS
    assert generator["lost"] == generator["started"] - generator["recorded"]
    assert generator["lost_at_least"] is False
    assert (summary["verdict"], summary["exit_code"]) == ("unknown", 3)


def test_every_call_of_a_worker_that_is_killed_is_counted(
    harness: Start, server: Server, tmp_path: Path
) -> None:
    """Those since its last block have no row, and the reason says how many they are."""
    command = sustain(harness, server.url)
    run = command.wait_for_event("step_running")
    command.wait_for_event('generator","worker":1,"cpu')
    os.kill(pid_of(run, tmp_path, "distributed.local 1 "), signal.SIGKILL)
    assert command.wait() == 3, command.stderr
    summary = command.summary()

    check(summary, server)
    lost, started = summary["generator"]["lost"], summary["generator"]["started"]
    assert lost > 0
    assert f"{lost:,} of {started:,} calls that were started have no row" in summary["reasons"]
    assert_nothing_left(run, tmp_path)


def test_every_call_of_a_harness_that_is_killed_with_its_workers_is_counted(
    harness: Start, server: Server, tmp_path: Path
) -> None:
    """All of it at once, as when memory runs out: the spools and the counts are read afterwards."""
    command = sustain(harness, server.url)
    run = command.wait_for_event("step_running")
    command.wait_for_event('generator","worker":1,"cpu')
    workers = [pid_of(run, tmp_path, f"distributed.local {index} ") for index in (0, 1)]
    for pid in (*workers, command.process.pid):
        os.kill(pid, signal.SIGKILL)
    command.wait()
    waiting.until(lambda: not processes_of(run, tmp_path))
    read = harness("report", str(run), "--format", "json")
    assert read.wait() == 3, read.stderr

    summary = json.loads(read.stdout)
    check(summary, server)
    assert summary["generator"]["lost"] > 0


@pytest.mark.long  # above: all of it at once
def test_a_harness_that_is_killed_alone_loses_no_more_than_it_says(
    harness: Start, server: Server, tmp_path: Path
) -> None:
    """Its workers end by themselves."""
    command = sustain(harness, server.url)
    run = command.wait_for_event("step_running")
    command.wait_for_event('generator","worker":1,"cpu')
    command.signal(signal.SIGKILL)
    command.wait()
    waiting.until(lambda: not processes_of(run, tmp_path))
    read = harness("report", str(run), "--format", "json")
    assert read.wait() == 3, read.stderr

    check(json.loads(read.stdout), server)
