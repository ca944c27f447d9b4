"""A wall clock that is set back and forward by an hour, again and again, while a run goes on."""

import itertools
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.foundation.clock import FakeClock
from harness.load.simulated import SimulatedServer
from tests.conduct.test_run import conduct
from tests.fakes.results import plain

pytestmark = pytest.mark.parts  # a run has a janitor

HOUR_S = 3600.0
LOAD = [
    {"name": "climb", "ramp": {"to": 20, "step": 5, "hold": "10s"}},
    {"name": "steady", "sustain": {"users": "last_good", "for": "60s"}},
    {"name": "open", "rate": {"rate": "50/s", "for": "20s"}},
]
FOR_PEOPLE = ("run_id", "run_dir", "started_at", "target")  # of the last the port


class Set(FakeClock):
    """Each look at the wall clock finds it an hour earlier or later than the one before."""

    turns = itertools.cycle((0, -1, 1))

    def utc(self) -> datetime:
        return super().utc() + next(self.turns) * timedelta(seconds=HOUR_S)


async def figures(out: Path, clock: FakeClock) -> dict[str, Any]:
    finished = await conduct(out, LOAD, SimulatedServer(limit_users=12), clock, objectives=["p95 < 1s"])
    assert finished.exit_code == 0
    return {name: value for name, value in plain(finished.summary).items() if name not in FOR_PEOPLE}


async def test_a_wall_clock_that_is_set_changes_no_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """summary.json of the same run is the same, but for its name and its date."""
    steady = await figures(tmp_path / "steady", FakeClock())
    turns, true_s, true_ns = itertools.cycle((0, -1, 1)), time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: true_s() + next(turns) * HOUR_S)
    monkeypatch.setattr(time, "time_ns", lambda: true_ns() + next(turns) * int(HOUR_S * 1e9))
    stepped = await figures(tmp_path / "stepped", Set())

    assert steady["steps"]
    assert steady["breaking_point"]
    assert stepped == steady
