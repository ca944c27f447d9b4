"""Playing plans against a simulated server on a fake clock: the order of things is the subject."""

import io
from pathlib import Path

import pyarrow as pa
import pytest

from harness.analysis.levels.steps import Judged
from harness.conduct.following import COUNTED_AT, Rows, SpoolFollower
from harness.conduct.live.live_json import LiveSnapshot
from harness.conduct.live.progress import Plain
from harness.conduct.observer import Nobody
from harness.conduct.play import Player
from harness.foundation.clock import FakeClock, RunClock
from harness.foundation.errors import UntrustedError
from harness.load.engine import LoadSpec, Trouble
from harness.load.simulated import SimulatedServer, simulated
from harness.run_directory.event_kinds import Event
from harness.run_directory.events import EventLog, read_events
from harness.run_directory.samples import Tail
from harness.scenario.plan.build import build
from harness.scenario.read import scenario_of
from tests.fakes.events import data_of, name_of


class Played:
    """What came of playing a load."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.reason = ""
        self.left = Rows()
        self.said = io.StringIO()

    @property
    def events(self) -> list[Event]:
        return [
            event for event in read_events(self.directory / "events.jsonl") if name_of(event) != "generator"
        ]

    def all(self, name: str) -> list[dict[str, object]]:
        return [data_of(event) for event in self.events if name_of(event) == name]


class Listening:
    """Stands beside a load, and keeps what it is told."""

    def __init__(self) -> None:
        self.began: list[str | None] = []
        self.seconds: list[tuple[LiveSnapshot, Rows]] = []

    def step_began(self, name: str | None, at_ns: int) -> None:
        self.began.append(name)

    def second(self, shown: LiveSnapshot, rows: Rows) -> None:
        self.seconds.append((shown, rows))

    def faults(self) -> list[str]:
        return ["slow"]

    def has_enough(self) -> bool:
        return len(self.seconds) >= 30


async def play(
    directory: Path, load: list[dict[str, object]], server: SimulatedServer, **wrap: object
) -> Played:
    plan = build(scenario_of({"name": "n", "load": load}, "test"))
    clock = FakeClock()
    (directory / "spool").mkdir()
    spec = LoadSpec(
        base_url="", mcp_url="", ws_url="", protocol="plain", spool_dir=str(directory / "spool"), epoch_ns=0
    )
    played = Played(directory)
    with EventLog(directory / "events.jsonl") as log:
        async with simulated(server, clock)(spec) as inner:
            running = wrap["around"](inner) if "around" in wrap else inner  # type: ignore[operator]
            watch = SpoolFollower(Tail(directory / "spool"), log)
            player = Player(
                load=running,
                clock=RunClock.of(clock),
                watch=watch,
                progress=Plain(played.said),
                timeout_s=30,
                observer=wrap.get("observer", Nobody()),
            )
            played.reason = await player.play(plan)
            watch.read()
            played.left = watch.take()
    return played


RAMP = {"name": "climb", "ramp": {"to": 20, "step": 5, "hold": "10s", "break_below": "95%"}}


async def test_a_server_that_holds_is_taken_to_the_maximum(tmp_path: Path) -> None:
    """Every level in turn, measured after settling, judged good, no breaking point."""
    played = await play(tmp_path, [RAMP], SimulatedServer())

    assert played.reason == "completed"
    assert [step["users"] for step in played.all("step_asked")] == [5, 10, 15, 20]
    assert [step["broke"] for step in played.all("step_judged")] == [False] * 4
    assert played.all("break") == []
    first = played.all("step_done")[0]
    assert first["end_ns"] - first["start_ns"] == 8_000_000_000


async def test_whoever_stands_beside_a_load_gets_each_row_once(tmp_path: Path) -> None:
    """Second by second, with the faults that are on; what comes after the last second is left to be taken."""
    listening = Listening()
    played = await play(tmp_path, [RAMP], SimulatedServer(), observer=listening)

    told = [rows for _, rows in listening.seconds]
    got = [table for rows in (*told, played.left) for table in rows.tables]
    written = [table for _, _, table in Tail(tmp_path / "spool").read()]
    assert sum(table.num_rows for table in got) == sum(table.num_rows for table in written) > 1000
    assert pa.concat_tables(got).unify_dictionaries().equals(pa.concat_tables(written).unify_dictionaries())
    assert sum(len(rows.said) for rows in (*told, played.left)) == len(written)
    assert {shown.faults for shown, _ in listening.seconds} == {("slow",)}


async def test_whoever_has_seen_enough_ends_a_step_that_is_held_by_time(tmp_path: Path) -> None:
    """After half a minute of an hour."""
    listening = Listening()
    load = {"name": "hold", "sustain": {"users": 5, "for": "1h"}}
    played = await play(tmp_path, [load], SimulatedServer(), observer=listening)

    assert played.reason == "completed"
    assert listening.began == [None, "hold"]
    assert 30 <= len(listening.seconds) < 60


async def test_a_level_that_breaks_is_repeated_and_ends_the_ramp(tmp_path: Path) -> None:
    """The first level below the limit, confirmed; no higher one is tried."""
    played = await play(tmp_path, [RAMP], SimulatedServer(limit_users=12))

    assert played.reason == "broke"
    assert [(step["kind"], step["users"]) for step in played.all("step_asked")] == [
        ("ramp", 5),
        ("ramp", 10),
        ("ramp", 15),
        ("confirm", 15),
    ]
    (found,) = played.all("break")
    assert (found["users"], found["last_good_users"], found["confirmed"]) == (15, 10, True)
    assert "is below 95%" in str(found["reason"])


async def test_without_confirming_the_first_failure_is_the_breaking_point(tmp_path: Path) -> None:
    """And it says so."""
    ramp = {"name": "climb", "ramp": {**RAMP["ramp"], "confirm": False}}  # type: ignore[dict-item]
    played = await play(tmp_path, [ramp], SimulatedServer(limit_users=12))

    assert [step["users"] for step in played.all("step_asked")] == [5, 10, 15]
    assert played.all("break")[0]["confirmed"] is False


class GoodTheSecondTime:
    """A load whose first go at 15 users meets a server that is busy with something else."""

    def __init__(self, inner: object) -> None:
        self.inner = inner
        self.asked = 0

    async def set_users(self, count: int, requests: int | None = None) -> int:
        self.asked += count == 15
        bad = count == 15 and self.asked == 1
        await self.inner.poll()  # type: ignore[attr-defined]
        self.inner.server = SimulatedServer(limit_users=1 if bad else 1000)  # type: ignore[attr-defined]
        return await self.inner.set_users(count, requests)  # type: ignore[attr-defined,no-any-return]

    async def poll(self) -> list[Trouble]:
        return await self.inner.poll()  # type: ignore[attr-defined,no-any-return]


async def test_a_level_that_is_good_when_repeated_does_not_end_the_ramp(tmp_path: Path) -> None:
    """A hiccup is not a breaking point."""
    played = await play(tmp_path, [RAMP], SimulatedServer(), around=GoodTheSecondTime)

    assert played.reason == "completed"
    assert [(step["kind"], step["users"]) for step in played.all("step_asked")][2:] == [
        ("ramp", 15),
        ("confirm", 15),
        ("ramp", 20),
    ]
    assert [step["broke"] for step in played.all("step_judged")] == [False, False, True, False, False]


async def test_last_good_is_the_highest_level_the_ramp_passed(tmp_path: Path) -> None:
    """What comes after the ramp holds that."""
    sustain = {"name": "steady", "sustain": {"users": "last_good", "for": "20s"}}
    played = await play(tmp_path, [RAMP, sustain], SimulatedServer(limit_users=12))

    assert (played.all("step_asked")[-1]["users"], played.all("step_asked")[-1]["kind"]) == (10, "sustain")


async def test_without_a_good_level_there_is_nothing_to_sustain(tmp_path: Path) -> None:
    """The run ends, and says why."""
    sustain = {"name": "steady", "sustain": {"users": "last_good", "for": "20s"}}
    played = await play(tmp_path, [RAMP, sustain], SimulatedServer(limit_users=1))

    assert played.reason == "no_good_level"
    assert "nothing to sustain" in played.said.getvalue()


async def test_a_step_by_count_ends_when_every_user_has_had_its_calls(tmp_path: Path) -> None:
    """And is measured from its first call."""
    ramp = {"ramp": {"to": 10, "step": 5, "requests_per_user": 10, "rest": "1s"}}
    played = await play(tmp_path, [ramp], SimulatedServer(service_ms=100))

    assert [step["reason"] for step in played.all("step_done")] == ["count", "count"]
    assert all(
        step["requests"] >= 10 * users for step, users in zip(played.all("step_judged"), (5, 10), strict=True)
    )


class LosesAWorker(GoodTheSecondTime):
    """A load whose worker dies."""

    async def set_users(self, count: int, requests: int | None = None) -> int:
        self.asked = int(count > 5)
        return await self.inner.set_users(count, requests)  # type: ignore[attr-defined,no-any-return]

    async def poll(self) -> list[Trouble]:
        await self.inner.poll()  # type: ignore[attr-defined]
        return [Trouble("worker-0", "it was ended by SIGKILL", 0)] if self.asked else []


async def test_a_lost_worker_ends_the_run_as_untrusted(tmp_path: Path) -> None:
    """Never silently less load: which worker, when, how many users, and no step that did not have them all."""
    with pytest.raises(UntrustedError, match="worker-0 was lost: it was ended by SIGKILL"):
        await play(tmp_path, [RAMP], SimulatedServer(), around=LosesAWorker)

    told = [event for event in read_events(tmp_path / "events.jsonl") if name_of(event) != "generator"]
    assert [name_of(event) for event in told][-2:] == ["step_asked", "worker_lost"]
    assert data_of(told[-1]) == {"worker": "worker-0", "users": 10, "why": "it was ended by SIGKILL"}


@pytest.mark.parametrize(
    "load", [{"sustain": {"users": 10, "for": "30s"}}, {"rate": {"rate": "50/s", "for": "30s"}}]
)
async def test_a_long_step_is_counted_while_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: dict[str, object]
) -> None:
    """The rows of some seconds are held, not those of hours; the counts are those of all rows together."""
    held = []

    def judged(self: SpoolFollower, *rest: object) -> Judged:
        held.append(len(self.step_rows))
        return whole(self, *rest)  # type: ignore[arg-type]

    whole = SpoolFollower.judged
    monkeypatch.setattr(SpoolFollower, "judged", judged)
    counts = []
    for name, at in (("counted", COUNTED_AT), ("kept", 10**9)):
        monkeypatch.setattr("harness.conduct.following.COUNTED_AT", at)
        (tmp_path / name).mkdir()
        played = await play(tmp_path / name, [{"name": "long", **load}], SimulatedServer(failing=0.1))
        counts += played.all("step_judged")

    assert held[0] <= COUNTED_AT + 10 < held[1]
    assert counts[0] == counts[1]
    assert counts[0]["failed"]
