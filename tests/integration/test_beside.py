"""What goes on beside the load of a run, on a real process: however the load ends, faults are healed first."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import canary
from harness.clock import RealClock, RunClock
from harness.conduct import beside
from harness.conduct.asked import Asked, Run
from harness.conduct.parts import Parts
from harness.conduct.steering import Steering
from harness.errors import UntrustedError
from harness.injector import Injector, Way
from harness.live.progress import Silent
from harness.live.recent import Recent
from harness.plan.build import build
from harness.record import rundir
from harness.record.events import EventLog, read_events
from harness.record.undo import Journal
from harness.scenario.read import scenario_of
from harness.services import target
from harness.services.part import Part
from harness.services.ports import free_port

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
        while "fault_verified" not in [event.event for event in read_events(self.events)]:
            await asyncio.sleep(0.01)
        raise UntrustedError("The load is not what was asked for", "a worker was lost", "")


async def test_a_load_that_fails_in_mid_fault_is_told_after_the_fault_was_healed(
    tmp_path: Path, undo: Journal
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
            way = Way(Part("the target", started.seat), canaries)
            injector = Injector({"target": way}, run_clock, log, undo, Silent())
            asked = Asked(scenario, "run", (), tmp_path)
            run = Run(asked, build(scenario), directory, run_clock, log, Silent(), {}, undo=undo)
            player: Any = Failing(injector, directory.events)
            with pytest.raises(UntrustedError):
                await beside.play_with_faults(
                    run, player, Steering(injector, Recent(), run_clock), Parts(run)
                )

            healed = [event.data for event in read_events(directory.events) if event.event == "fault_healed"]
            assert [one["healed"] for one in healed] == [True]
            assert way.place.awake()
