"""A whole run on the simulated engine: from a scenario to the report, in no time."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from harness.client.preflight import Discovered
from harness.conduct import run as conducting
from harness.conduct.live import live_json
from harness.conduct.live.progress import Plain, Silent
from harness.conduct.run import conduct_run
from harness.conduct.run_values import FinishedRun, RunRequest
from harness.foundation.clock import FakeClock
from harness.foundation.errors import ServiceError, UsageError
from harness.load.engine import Engine, Load, LoadSpec, Trouble
from harness.load.simulated import SimulatedServer, simulated
from harness.run_directory.directory import RunDirectory
from harness.run_directory.events import read_events
from harness.run_directory.results import codec
from harness.scenario.read import scenario_of
from tests.fakes.events import data_of, name_of
from tests.fakes.mcp_server import mcp_server

pytestmark = pytest.mark.parts  # a run has a janitor


async def conduct(
    out: Path,
    load: list[Any],
    server: SimulatedServer,
    clock: FakeClock | None = None,
    engine: Engine | None = None,
    **more: Any,
) -> FinishedRun:
    """A run against a real server that answers the preflight; the calls are drawn."""
    clock = clock or FakeClock()
    async with mcp_server() as url:
        scenario = scenario_of(
            {"name": "sim", "target": {"url": url}, "workload": [{"call": "echo"}], "load": load} | more,
            "test",
        )
        asked = RunRequest(
            scenario, "ramp", ("harness", "ramp"), out, clock=clock, engine=engine or simulated(server, clock)
        )
        return await conduct_run(asked, Silent())


RAMP = {"name": "climb", "ramp": {"to": 20, "step": 5, "hold": "10s"}}


async def test_a_run_leaves_everything_that_the_contract_names(tmp_path: Path) -> None:
    """scenario, plan, metadata, undo, events, samples, summary, report; `latest` points to it."""
    finished = await conduct(tmp_path, [RAMP], SimulatedServer())

    assert finished.run_dir is not None
    names = {path.name for path in finished.run_dir.iterdir()}
    assert names >= {
        "scenario.yaml", "plan.json", "metadata.json", "undo.jsonl", "events.jsonl", "samples.parquet",
        "summary.json", "report.html", "windows.csv", "charts",
    }  # fmt: skip
    assert "spool" not in names
    assert (tmp_path / "sim" / "latest").resolve() == finished.run_dir
    assert codec.document(finished.summary) == (finished.run_dir / "summary.json").read_text()
    assert (finished.exit_code, finished.summary.verdict) == (0, "pass")
    assert (
        finished.summary.generator.started == pq.read_metadata(finished.run_dir / "samples.parquet").num_rows
    )


async def test_the_breaking_point_is_found_and_is_no_failure(tmp_path: Path) -> None:
    """A ramp without an objective that finds one has passed; last_good is held afterwards."""
    load = [RAMP, {"name": "steady", "sustain": {"users": "last_good", "for": "20s"}}]
    finished = await conduct(tmp_path, load, SimulatedServer(limit_users=12))

    point = finished.summary.breaking_point
    assert (point.users, point.last_good_users, point.confirmed) == (15, 10, True)
    assert finished.summary.steps[-1].users == 10
    assert finished.exit_code == 0


async def test_a_run_shows_its_last_seconds_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """live.json is there until the run has ended, and says what went on."""
    seen: list[dict[str, Any]] = []

    def publish(directory: RunDirectory, *shown: Any) -> None:
        show(directory, *shown)
        seen.append(json.loads((directory.path / "live.json").read_text()))

    show = live_json.publish
    monkeypatch.setattr("harness.conduct.live.live_outputs.live_json.publish", publish)
    finished = await conduct(tmp_path, [RAMP], SimulatedServer())

    assert len(seen) >= 40
    assert "climb" in {one["step"] for one in seen} <= {"climb", None}
    assert max(one["users"] for one in seen) == 20
    assert seen[-1]["last_10s"]["success_rate"] == 1
    assert finished.run_dir is not None
    assert not (finished.run_dir / "live.json").exists()


async def test_an_objective_that_breaks_is_said_while_it_runs(tmp_path: Path) -> None:
    """An event of the run too; a place that alerts may not go to ends it before it begins."""
    finished = await conduct(tmp_path, [RAMP], SimulatedServer(), objectives=["p95 < 1ms"], alert="console")

    assert finished.run_dir is not None
    (said,) = [one for one in read_events(finished.run_dir / "events.jsonl") if name_of(one) == "alert"]
    assert (data_of(said)["objective"], data_of(said)["broken"]) == ("p95 < 1ms", True)
    with pytest.raises(UsageError, match="not this machine"):
        await conduct(tmp_path / "no", [RAMP], SimulatedServer(), alert=["http://203.0.113.7/x"])
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("objective", "verdict", "code"),
    [("p95 < 1s", "pass", 0), ("p95 < 1ms", "fail", 1), ("success_rate >= 99%", "pass", 0)],
)
async def test_objectives_decide_the_verdict(tmp_path: Path, objective: str, verdict: str, code: int) -> None:
    """And the exit code."""
    finished = await conduct(tmp_path, [RAMP], SimulatedServer(), objectives=[objective])

    assert (finished.summary.verdict, finished.exit_code) == (verdict, code)


async def test_an_objective_that_cannot_be_read_ends_it_before_it_begins(tmp_path: Path) -> None:
    """Exit 2, and nothing was made."""
    with pytest.raises(UsageError, match="p95"):
        await conduct(tmp_path / "out", [RAMP], SimulatedServer(), objectives=["p95 << 1s"])
    with pytest.raises(UsageError, match="climbb"):
        await conduct(tmp_path / "out", [RAMP], SimulatedServer(), objectives=["p95 < 1s in climbb"])

    assert not (tmp_path / "out").exists()


async def test_a_tool_that_is_not_there_ends_it_before_it_begins(tmp_path: Path) -> None:
    """With a command that would work, and no run directory."""
    with pytest.raises(UsageError, match="has no tool shout"):
        await conduct(tmp_path, [RAMP], SimulatedServer(), workload=[{"call": "shout"}])

    assert list(tmp_path.glob("*/*")) == []


async def test_a_tool_that_must_not_be_called_ends_it_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the rule that its schema breaks, and the way out."""

    async def found(*_: object, **__: object) -> Discovered:
        return Discovered("2026-07-28", "tiny", "1.0", [{"name": "echo"}], {}, {"shout": "A is used twice"})

    monkeypatch.setattr("harness.conduct.setup.server.preflight", found)
    with pytest.raises(UsageError, match="must not be called") as raised:
        await conduct(tmp_path, [RAMP], SimulatedServer(), workload=[{"call": "shout"}])

    assert "A is used twice" in raised.value.why
    assert "--protocol 2025-11-25" in raised.value.todo


async def test_a_lost_worker_makes_the_verdict_unknown_and_the_report_is_written(tmp_path: Path) -> None:
    """What was measured before is there to be looked at."""
    clock = FakeClock()

    @asynccontextmanager
    async def losing(spec: LoadSpec) -> AsyncIterator[Load]:
        async with simulated(SimulatedServer(), clock)(spec) as load:

            class Losing:
                async def set_users(self, count: int, requests: int | None = None) -> int:
                    return await load.set_users(count, requests)

                async def poll(self) -> list[Trouble]:
                    await load.poll()
                    return (
                        [Trouble("worker-0", "it was ended by SIGKILL", 0)]
                        if clock.ns > 15_000_000_000
                        else []
                    )

                async def stop(self, drain_s: float, *, cancelled: bool = False) -> None:
                    await load.stop(drain_s, cancelled=cancelled)

                def facts(self) -> dict[str, Any]:
                    return load.facts()

            yield Losing()

    finished = await conduct(tmp_path, [RAMP], SimulatedServer(), clock, losing)

    assert (finished.summary.verdict, finished.exit_code) == ("unknown", 3)
    assert finished.run_dir is not None
    assert (finished.run_dir / "report.html").exists()
    assert finished.summary.totals.requests > 1000


async def test_a_load_engine_that_fails_in_mid_run_loses_nothing(tmp_path: Path) -> None:
    """Its error is the exit code, and what was measured before is in the report."""
    clock = FakeClock()

    @asynccontextmanager
    async def failing(spec: LoadSpec) -> AsyncIterator[Load]:
        async with simulated(SimulatedServer(), clock)(spec) as load:

            class Failing:
                async def set_users(self, count: int, requests: int | None = None) -> int:
                    if count > 5:
                        raise ServiceError("The load engine failed", "it closed the connection")
                    return await load.set_users(count, requests)

                async def poll(self) -> list[Trouble]:
                    return await load.poll()

                async def stop(self, drain_s: float, *, cancelled: bool = False) -> None:
                    await load.stop(drain_s, cancelled=cancelled)

                def facts(self) -> dict[str, Any]:
                    return load.facts()

            yield Failing()

    finished = await conduct(tmp_path, [RAMP], SimulatedServer(), clock, failing)

    assert (finished.summary.verdict, finished.exit_code) == ("unknown", 70)
    assert finished.summary.totals.requests > 1000


async def test_an_interrupted_run_is_read_as_far_as_it_went(tmp_path: Path) -> None:
    """Exit 130, the verdict says why, every call that began is accounted for."""
    clock = FakeClock()
    async with mcp_server() as url:
        scenario = scenario_of(
            {"name": "sim", "target": {"url": url}, "workload": [{"call": "echo"}], "load": [RAMP]}, "test"
        )
        asked = RunRequest(
            scenario, "ramp", ("harness",), tmp_path, clock=clock, engine=simulated(SimulatedServer(), clock)
        )
        interrupting = replace(asked, clock=Interrupting(clock, asked.interrupted))
        finished = await conduct_run(interrupting, Plain())

    assert finished.exit_code == 130
    assert finished.summary.verdict == "unknown"
    assert 0 < finished.summary.generator.started == finished.summary.generator.recorded


class Interrupting:
    """A clock on which somebody presses Ctrl-C after twelve seconds."""

    def __init__(self, inner: FakeClock, interrupted: asyncio.Event) -> None:
        self.inner, self.interrupted = inner, interrupted
        self.now_ns, self.utc = inner.now_ns, inner.utc

    async def sleep(self, seconds: float) -> None:
        await self.inner.sleep(seconds)
        if self.inner.ns > 12_000_000_000:
            self.interrupted.set()
            await asyncio.sleep(0.01)  # let the signal be seen


async def test_no_secret_reaches_the_run_directory(tmp_path: Path) -> None:
    """A header with a token is sent, and written down nowhere."""
    secret = "s3cr3t-t0ken-value"
    async with mcp_server() as url:
        target = {"url": url.replace("http://", f"http://user:{secret}@"), "headers": {"X-Api-Key": secret}}
        scenario = scenario_of(
            {"name": "sim", "target": target, "workload": [{"call": "echo"}], "load": [RAMP]}, "test"
        )
        clock = FakeClock()
        argv = ("harness", "ramp", "--header", f"Authorization: Bearer {secret}")
        asked = RunRequest(
            scenario, "ramp", argv, tmp_path, clock=clock, engine=simulated(SimulatedServer(), clock)
        )
        finished = await conduct_run(asked, Silent())

    assert finished.run_dir is not None
    found = [
        path.name
        for path in finished.run_dir.rglob("*")
        if path.is_file() and secret.encode() in path.read_bytes()
    ]
    assert found == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("hold", "calls"), [("5s", 80_000), pytest.param("60s", 1_000_000, marks=pytest.mark.long)]
)
async def test_a_million_calls_go_through_analysis_and_report_without_a_special_case(
    tmp_path: Path, hold: str, calls: int
) -> None:
    """The same path, a bounded report."""
    load = [{"name": "climb", "ramp": {"to": 100, "step": 10, "hold": hold}}]
    finished = await conduct(tmp_path, load, SimulatedServer(service_ms=20, capacity_rps=2500))

    assert finished.run_dir is not None
    assert finished.summary.generator.recorded > calls
    assert finished.summary.generator.lost == 0
    assert finished.exit_code == 0
    assert (finished.run_dir / "report.html").stat().st_size < 3_000_000


def test_the_modules_that_conduct_name_what_they_do() -> None:
    """The first thing in the module is the order of a run."""
    assert "1. the plan is built" in str(conducting.__doc__)


async def test_no_secret_is_in_any_file_of_a_run(tmp_path: Path) -> None:
    """Planted in headers, the URL, arguments and the command line; every byte of every artefact is searched."""
    secret = "s3cr3t-" + "Zq9"
    clock = FakeClock()
    async with mcp_server() as url:
        data = {
            "name": "sim",
            "target": {
                "url": url.replace("://", f"://me:{secret}@") + f"?token={secret}",
                "headers": {"Authorization": f"Bearer {secret}", "X-Anything": secret},
            },
            "workload": [{"call": "echo", "args": {"password": secret}}],
            "load": [{"sustain": {"users": 2, "for": "3s"}}],
            "objectives": ["p95 < 1s"],
        }
        argv = ("harness", "sustain", "-H", f"X-Key: {secret}", "--args", json.dumps({"api_key": secret}))
        asked = RunRequest(
            scenario_of(data, "test"),
            "sustain",
            argv,
            tmp_path,
            clock=clock,
            engine=simulated(SimulatedServer(), clock),
        )
        finished = await conduct_run(asked, Silent())

    assert finished.run_dir is not None
    files = [path for path in finished.run_dir.rglob("*") if path.is_file()]
    assert {"report.html", "summary.md", "junit.xml", "samples.parquet"} <= {path.name for path in files}
    assert [path.name for path in files if secret.encode() in path.read_bytes()] == []


async def test_an_abort_rule_ends_the_run_early_and_fails_it(tmp_path: Path) -> None:
    """A third of the calls succeed from 30 users on: of two more minutes five seconds are seen; the report says so."""
    load = [
        {"name": "low", "sustain": {"users": 5, "for": "10s"}},
        {"name": "high", "sustain": {"users": 30, "for": "2m"}},
    ]

    finished = await conduct(
        tmp_path, load, SimulatedServer(limit_users=10), abort="success_rate < 50% for 5s"
    )

    summary = finished.summary
    assert (summary.verdict, finished.exit_code) == ("fail", 1)
    assert summary.reasons[0].startswith("the run was stopped early: success_rate < 50% for 5s")
    assert 14 < summary.duration_s < 20
    assert [step.users for step in summary.steps] == [5, 30]
    assert finished.run_dir is not None
    assert "he run was stopped early" in (finished.run_dir / "report.html").read_text(encoding="utf-8")
