"""Ramps against a server near its limit: repeated as often as it takes, decided alike by who conducts and who reads."""

import io
import json
from pathlib import Path

import pytest

from harness.analysis.levels.breaking_point import REPEATS_MOST
from harness.conduct.following import SpoolFollower
from harness.conduct.live.progress import Plain
from harness.conduct.play import Player
from harness.foundation.clock import FakeClock, RunClock
from harness.load.engine import LoadSpec
from harness.load.simulated import SimulatedServer, simulated
from harness.report.reading import Reading, read
from harness.run_directory.events import EventLog
from harness.run_directory.samples import Tail
from harness.scenario.plan.build import build
from harness.scenario.read import scenario_of
from tests.fakes.events import data_of, name_of
from tests.fakes.results import plain

pytestmark = pytest.mark.parts  # a run has a janitor

RAMP = {"name": "climb", "ramp": {"to": 50, "step": 5, "hold": "10s", "break_below": "95%"}}


async def ramp(directory: Path, failing: float, calls: int, seed: int) -> Reading:
    """Ten levels of so many calls, of which this share fails."""
    plan = build(scenario_of({"name": "n", "load": [RAMP]}, "test"))
    (directory / "spool").mkdir(parents=True)
    (directory / "plan.json").write_text(json.dumps(plan.as_json()), encoding="utf-8")
    spec = LoadSpec(
        base_url="",
        mcp_url="",
        ws_url="",
        protocol="plain",
        spool_dir=str(directory / "spool"),
        epoch_ns=0,
        seed=seed,
    )
    clock = FakeClock()
    server = SimulatedServer(capacity_rps=calls / 8, failing=failing)
    with EventLog(directory / "events.jsonl") as log:
        async with simulated(server, clock)(spec) as load:
            watch = SpoolFollower(Tail(directory / "spool"), log)
            player = Player(
                load=load, clock=RunClock.of(clock), watch=watch, progress=Plain(io.StringIO()), timeout_s=30
            )
            await player.play(plan)
    return read(directory)


def repeats(reading: Reading) -> list[int]:
    """How often each level was run again."""
    asked = [data_of(event) for event in reading.events if name_of(event) == "step_asked"]
    users = [one["users"] for one in asked if one["kind"] == "confirm"]
    return [users.count(level) for level in sorted(set(users))]


@pytest.mark.parametrize(("failing", "breaks"), [(0.06, True), (0.04, False)])
async def test_who_reads_the_run_comes_to_the_decision_of_who_conducted_it(
    failing: float, breaks: bool, tmp_path: Path
) -> None:
    """From the rows, with the same function; a level is repeated six times at most. 115 calls a level."""
    broken = []
    for seed in range(2):
        reading = await ramp(tmp_path / str(seed), failing, 115, seed)
        told = [data_of(event) for event in reading.events if name_of(event) == "break"]
        found = plain(reading.summary.breaking_point)
        broken.append(found is not None)
        assert [{key: one[key] for key in found} for one in told] == ([found] if found else [])
        assert max(repeats(reading), default=0) <= REPEATS_MOST
    assert broken == [breaks] * 2


@pytest.mark.parametrize(("failing", "times"), [(0.5, [1]), (0.0, [])])
async def test_what_is_clear_takes_no_time(failing: float, times: list[int], tmp_path: Path) -> None:
    """A level that clearly breaks is run once more, one that is clearly good never."""
    reading = await ramp(tmp_path / "run", failing, 115, 1)

    assert repeats(reading) == times
    assert (plain(reading.summary.breaking_point) or {}).get("confirmed") is (True if times else None)
