"""Experiments of Chaos Toolkit: under `harness chaos`, by `chaos run` alone, and interrupted."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import CLEAN
from tests.e2e.disturbed import TOO_SOON, assert_no_reason_but_the_machine
from tests.e2e.leftovers import assert_nothing_left
from tests.waiting import until

Start = Callable[..., Any]

EXPERIMENT = """
title: A nap
description: The target stands still for a moment.
controls: [{name: load, provider: {type: python, module: harness.faults.toolkit.control}}]
steady-state-hypothesis:
  title: Calls succeed
  probes:
    - type: probe
      name: share of calls that succeeded
      tolerance: {type: range, range: [%s, 1.0]}
      provider: {type: python, module: harness.faults.toolkit, func: success_rate, arguments: {last: 60s}}
method:
  - type: action
    name: it naps
    provider: {type: python, module: harness.faults.toolkit, func: apply, arguments: {fault: "%s:name=nap"}}
    pauses: {after: %s}
  - type: action
    name: it wakes up
    provider: {type: python, module: harness.faults.toolkit, func: heal, arguments: {name: nap}}
    pauses: {after: 1}
rollbacks:
  - type: action
    name: awake
    provider: {type: python, module: harness.faults.toolkit, func: heal, arguments: {name: nap}}
"""
# Chaos Toolkit takes many seconds to start on a busy machine.
pytestmark = pytest.mark.timeout(500)
QUICK = ("--users", "2", "--no-think", "--before", "3s", "--after", "1s", "--json")


@pytest.mark.parametrize(
    ("kind", "lowest", "deviated"),
    [pytest.param("pause", 0.5, False, marks=pytest.mark.long), ("kill", 1.0, True)],
)
def test_an_experiment_under_load_is_judged_by_its_hypothesis_and_by_its_faults(
    harness: Start, tmp_path: Path, kind: str, lowest: float, deviated: bool
) -> None:
    """Its journal is kept, its activities are events, its fault is one of the run's."""
    (tmp_path / "nap.yaml").write_text(EXPERIMENT % (lowest, kind, 1))
    command = harness("chaos", str(tmp_path / "nap.yaml"), *QUICK)
    must, may = ("the experiment 'A nap' deviated: ", TOO_SOON) if deviated else (TOO_SOON, "")
    assert_no_reason_but_the_machine(command, must=must, may=may, within_s=240)

    summary = command.summary()
    run = Path(summary["run_dir"])
    assert json.loads((run / "journal.json").read_text())["experiment"]["title"] == "A nap"
    told = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    (ended,) = [event for event in told if event["event"] == "experiment"]
    assert (ended["title"], ended["status"], ended["deviated"]) == ("A nap", "completed", deviated)
    assert summary["verdict"] != "pass" or not deviated
    names = [event["name"] for event in told if event["event"] == "activity"]
    assert {"share of calls that succeeded", "it naps", "it wakes up", "awake"} <= set(names)
    (fault,) = summary["faults"]
    assert (fault["name"], fault["kind"], fault["verified"], fault["healed"]) == ("nap", kind, True, True)
    assert_nothing_left(run, tmp_path)


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.long), signal.SIGKILL])
def test_an_experiment_that_is_run_alone_and_interrupted_leaves_nothing(tmp_path: Path, number: int) -> None:
    """`chaos run` starts the load itself; when it is stopped in mid-fault, the fault is healed and all is ended."""
    (tmp_path / "nap.yaml").write_text(EXPERIMENT % (0.5, "pause", 600))
    (tmp_path / "tmp").mkdir(mode=0o755)
    places = {"HARNESS_OUT": str(tmp_path / "out"), "TMPDIR": str(tmp_path / "tmp")}
    argv = [sys.executable, "-m", "chaostoolkit", "--no-version-check", "run", str(tmp_path / "nap.yaml")]
    process = subprocess.Popen(
        argv, env=CLEAN | places, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        run = wait_for(tmp_path, "fault_verified", process)
        process.send_signal(number)
        process.wait(240)
        wait_for(tmp_path, "run_ended", None)
    finally:
        process.kill()
        process.wait()
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    assert [event["healed"] for event in events if event["event"] == "fault_healed"] == [True]
    until((run / "summary.json").exists)
    assert json.loads((run / "summary.json").read_text())["verdict"] == "unknown"
    assert_nothing_left(run, tmp_path)


def wait_for(
    place: Path, name: str, process: "subprocess.Popen[bytes] | None", within_s: float = 120
) -> Path:
    """The run directory in which that event was written."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        for path in place.glob("out/*/2*/events.jsonl"):
            if f'"event":"{name}"' in path.read_text():
                return path.parent
        assert process is None or process.poll() is None
        time.sleep(0.05)
    raise AssertionError(f"no event {name} within {within_s} s below {place}")
