"""Runs that are stopped in mid-run and go on: the harness alone, or all of it, as a laptop that sleeps does."""

import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.disturbed import assert_no_reason_but_the_machine
from tests.e2e.leftovers import assert_nothing_left, processes_of

Start = Callable[..., Any]
LONG_S = 12.0  # longer than any part of a run waits for another
SHORT_S = 0.2


def sustain(harness: Start, *more: str) -> Any:
    load = ("sustain", "--users", "2", "--no-think", "--call", "list_databases")
    return harness(*load, "--json", "--timeout", "3s", *more)


def stop_for(seconds: float, pids: Iterable[int]) -> None:
    stopped = list(pids)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    for pid in reversed(stopped):
        os.kill(pid, signal.SIGCONT)


def everything(run: Path, tmp_path: Path, command: Any) -> list[int]:
    return [command.process.pid, *(pid for pid in processes_of(run, tmp_path) if pid != command.process.pid)]


@pytest.mark.long
def test_a_run_that_was_suspended_is_unknown_and_says_why(harness: Start, tmp_path: Path) -> None:
    """The harness alone, and another run with all its parts: exit 3, the reason in every report, nothing is left."""
    alone, whole = (sustain(harness, "--for", "120s", "--out", str(tmp_path / name)) for name in ("a", "b"))
    alone.out_dir, whole.out_dir = tmp_path / "a", tmp_path / "b"
    runs = [command.wait_for_event("step_running") for command in (alone, whole)]
    for command in (alone, whole):
        command.wait_for_event('generator","worker":0,"cpu')
    stop_for(LONG_S, [alone.process.pid, *everything(runs[1], tmp_path / "none", whole)])

    for command, run, who in (
        (alone, runs[0], "the harness did not run for 1"),
        (whole, runs[1], "the harness"),
    ):
        assert command.wait() == 3, command.stderr
        summary = command.summary()
        assert summary["verdict"] == "unknown"
        reason = summary["reasons"][0]
        assert reason.startswith(who), summary["reasons"]
        assert "did not run for 1" in reason
        assert "nothing of step 0 can be trusted" in reason
        # It is known for what it was: no part is said to be lost, and no file to be damaged.
        assert not [one for one in summary["reasons"] if "lost" in one or "damaged" in one], summary[
            "reasons"
        ]
        assert "The run was suspended" in command.stderr
        for report in ("report.html", "summary.md", "junit.xml"):
            if (run / report).exists():
                assert "did not run for 1" in (run / report).read_text(), report
        assert (run / "report.html").exists()
    assert "worker 0" in whole.summary()["reasons"][0]
    assert_nothing_left(runs[0], tmp_path)


@pytest.mark.long
def test_a_short_stop_is_the_error_budget_s_business(harness: Start, tmp_path: Path) -> None:
    """A fifth of a second of all parts: nobody calls it a stall, and the run goes on to its end."""
    command = sustain(harness, "--for", "8s")
    run = command.wait_for_event("step_running")
    command.wait_for_event('generator","worker":0,"cpu')
    stop_for(SHORT_S, everything(run, tmp_path, command))

    assert_no_reason_but_the_machine(command)
    summary = command.summary()
    assert not [one for one in summary["reasons"] if "did not run" in one or "damaged" in one]
    assert summary["steps"][0]["end_s"] - summary["steps"][0]["start_s"] > 6
    assert '"event":"stalled"' not in (run / "events.jsonl").read_text()
