"""Ctrl-C: what is told, and the exit code; in the middle of the load, and while the report is written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.cli import load_command
from harness.conduct.interrupts import Leaving
from harness.conduct.live.progress import Plain
from harness.conduct.run_values import FinishedRun, RunRequest
from harness.foundation.clock import FakeClock
from harness.load.simulated import SimulatedServer, simulated
from harness.report import read_run
from harness.run_directory.undo import UndoJournal
from harness.scenario.read import scenario_of
from tests.fakes.mcp_server import mcp_server

ROOT = Path(__file__).parents[2]


def test_whoever_leaves_at_once_is_told_how_to_recover_the_run(tmp_path: Path) -> None:
    """The report; and the removal of faults, when there may be some."""
    leaving = Leaving()
    assert leaving.second() == "Quit at once: nothing was measured"

    leaving.run_dir, leaving.out = tmp_path / "a run", tmp_path
    with UndoJournal(leaving.run_dir.parent / "other.jsonl"):
        assert (
            leaving.second() == f"Quit at once. To read what was measured: harness report '{tmp_path}/a run'"
        )

    leaving.run_dir.mkdir()
    with UndoJournal(leaving.run_dir / "undo.jsonl") as undo:
        undo.directory(tmp_path / "of the database")
        assert "doctor" not in leaving.second()
        undo.add("toxiproxy", api="http://127.0.0.1:1")
        assert leaving.second().endswith(
            f"; to remove faults that may be left: harness doctor --clean --out {tmp_path}"
        )


async def pressed_while_reading(out: Path, monkeypatch: pytest.MonkeyPatch, times: int) -> FinishedRun:
    """Ctrl-C when the load is over."""
    clock = FakeClock()

    def read(path: Path) -> Any:
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGINT)
            deadline = time.monotonic() + 60  # two that come at once are one
            while not asked.interrupted.is_set() and time.monotonic() < deadline:
                time.sleep(0.01)
        return read_run(path)

    monkeypatch.setattr("harness.conduct.closing.read_run", read)
    async with mcp_server() as url:
        scenario = scenario_of(
            {
                "name": "sim",
                "target": {"url": url},
                "workload": [{"call": "echo"}],
                "load": [{"sustain": {"users": 2, "for": "10s"}}],
            },
            "test",
        )
        asked = RunRequest(
            scenario, "sustain", ("harness",), out, clock=clock, engine=simulated(SimulatedServer(), clock)
        )
        return await load_command._with_signals(asked, Plain())


@pytest.mark.parts
async def test_ctrl_c_while_the_report_is_written_lets_it_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run was over: its report is whole, and the exit code is its own."""
    finished = await pressed_while_reading(tmp_path, monkeypatch, 1)

    assert (finished.exit_code, finished.summary.verdict) == (0, "pass")
    assert finished.run_dir is not None
    assert (finished.run_dir / "report.html").exists()
    assert "The load is over; writing the report" in capsys.readouterr().err


LEAVES = """
import asyncio, sys, pathlib, pytest
from tests.conduct.test_interrupts import pressed_while_reading
asyncio.run(pressed_while_reading(pathlib.Path(sys.argv[1]), pytest.MonkeyPatch(), 2))
"""


@pytest.mark.parts
def test_a_second_ctrl_c_leaves_at_once_and_the_last_line_says_what_recovers_the_run(tmp_path: Path) -> None:
    """Exit 130; the command reads what was measured."""
    done = subprocess.run(
        [sys.executable, "-c", LEAVES, str(tmp_path)], capture_output=True, text=True, cwd=ROOT, check=False
    )

    assert done.returncode == 130, done.stderr
    (run,) = (tmp_path / "sim").glob("2*")
    assert done.stderr.splitlines()[-1].endswith(f"harness report {run}")
    assert not (run / "report.html").exists()
    assert read_run(run).summary.generator.lost == 0
