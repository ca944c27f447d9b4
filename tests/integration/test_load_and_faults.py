"""What goes on beside the load of a run, on a real process: however the load ends, faults are healed first."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.conduct import load_and_faults
from harness.conduct.experiments.steering import ExperimentSteering
from harness.conduct.live.last_rows import LastRows
from harness.conduct.live.progress import Silent
from harness.conduct.run_values import RunContext, RunRequest
from harness.conduct.watched_parts import Parts
from harness.faults import canary
from harness.faults.injector import FaultSite, Injector
from harness.foundation.clock import RealClock, RunClock
from harness.foundation.errors import UntrustedError
from harness.run_directory import directory as rundir
from harness.run_directory.events import EventLog, read_events
from harness.run_directory.undo import UndoJournal
from harness.scenario.plan.build import build
from harness.scenario.read import scenario_of
from harness.services import target
from harness.services.fault_sites.own_process import OwnProcess
from harness.services.processes.ports import free_port
from tests.fakes.events import data_of, name_of

SCENARIO = {
    "name": "n",
    "target": {"command": ["x"], "url": "http://127.0.0.1:1/mcp"},
    "load": [{"sustain": {"users": 1, "for": "60s"}}],
    # The second has not come yet when the load fails, and has nothing to heal: it must not end the wait for the first.
    "faults": [
        {"fault": "kill", "at": "0s", "for": "50s"},
        {"name": "later", "fault": "kill", "at": "55s", "for": "1s"},
    ],
}


class Failing:
    """A load that turns out not to be what was asked for while the fault is on."""

    def __init__(self, injector: Injector, events: Path) -> None:
        self.injector, self.events = injector, events

    async def play(self, _plan: object) -> str:
        self.injector.step_began(None, 0)
        while "fault_verified" not in [name_of(event) for event in read_events(self.events)]:
            await asyncio.sleep(0.01)
        raise UntrustedError("The load is not what was asked for", "a worker was lost", "")


async def test_a_load_that_fails_in_mid_fault_is_told_after_the_fault_was_healed(
    tmp_path: Path, undo: UndoJournal
) -> None:
    """Whoever ends the target and its links next finds nothing on them."""
    url = f"http://127.0.0.1:{free_port('127.0.0.1')}"
    argv = [sys.executable, "-m", "http.server", url.rpartition(":")[2], "--bind", "127.0.0.1"]
    clock = RealClock()
    run_clock = RunClock.of(clock)
    scenario = scenario_of(SCENARIO, "n.yaml")
    directory = rundir.create(tmp_path / "out", "n", run_clock.started_at)
    async with (
        target.commanded(tmp_path, argv, url) as started,
        canary.opened(url, url, clock) as canaries,
    ):
        with EventLog(directory.events) as log:
            way = FaultSite(OwnProcess("the target", started.process), canaries)
            injector = Injector({"target": way}, run_clock, log, undo, Silent())
            asked = RunRequest(scenario, "run", (), tmp_path)
            run = RunContext(asked, build(scenario), directory, run_clock, log, Silent(), {}, undo=undo)
            player: Any = Failing(injector, directory.events)
            with pytest.raises(UntrustedError):
                await load_and_faults.play_with_faults(
                    run, player, ExperimentSteering(injector, LastRows(), run_clock), Parts(run)
                )

            healed = [
                data_of(event) for event in read_events(directory.events) if name_of(event) == "fault_healed"
            ]
            assert [one["healed"] for one in healed] == [True]
            assert way.place.awake()
