"""Chaos Toolkit's actions and probes, over a real socket to what steers real faults."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from chaoslib.exceptions import ActivityFailed, InterruptExecution

from harness.conduct.experiments.steering import ExperimentSteering, listening
from harness.conduct.live.last_rows import LastRows
from harness.conduct.live.progress import Silent
from harness.faults import canary, toolkit
from harness.faults.injector import FaultSite, Injector
from harness.faults.toolkit import control
from harness.faults.toolkit.line import answer
from harness.foundation.clock import RealClock, RunClock
from harness.run_directory.events import EventLog, read_events
from harness.run_directory.undo import UndoJournal
from harness.services import target
from harness.services.fault_sites.own_process import OwnProcess
from harness.services.processes.ports import free_port
from tests.conduct.live.test_last_rows import rows
from tests.fakes.events import name_of


@pytest.fixture
async def steering(
    tmp_path: Path, undo: UndoJournal, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ExperimentSteering]:
    """A server of ours, and a line to what can be done to it."""
    url = f"http://127.0.0.1:{free_port('127.0.0.1')}"
    argv = [sys.executable, "-m", "http.server", url.rpartition(":")[2], "--bind", "127.0.0.1"]
    clock = RealClock()
    async with (
        target.commanded(tmp_path, argv, url) as started,
        canary.opened(url, url, clock) as canaries,
    ):
        with EventLog(tmp_path / "events.jsonl") as log:
            way = FaultSite(OwnProcess("the target", started.process), canaries)
            run_clock = RunClock.of(clock)
            injector = Injector({"target": way}, run_clock, log, undo, Silent())
            found = ExperimentSteering(injector, LastRows(), run_clock)
            async with listening(found) as where:
                monkeypatch.setenv("HARNESS_STEERING", where)
                yield found
            await injector.heal_all()


async def test_a_fault_stays_from_apply_to_heal_and_both_are_proved(
    steering: ExperimentSteering, tmp_path: Path
) -> None:
    """As any fault of a plan: on, verified, off, healed; healing twice is no error."""
    shown = await asyncio.to_thread(toolkit.apply, "pause:name=nap")
    assert shown["verified"]
    assert len(steering.injector.active) == 1
    assert (await asyncio.to_thread(toolkit.heal, "nap"))["healed"]
    assert (await asyncio.to_thread(toolkit.heal, "nap"))["healed"]

    told = [name_of(event) for event in read_events(tmp_path / "events.jsonl")]
    assert told == ["fault_on", "fault_verified", "fault_off", "fault_healed"]
    assert steering.injector.held == {}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("pause:name=other", "nap is on the target"),
        ("latency:latency=1s", "has no client link"),
        ("nonsense", "unknown fault 'nonsense'"),
    ],
)
async def test_a_fault_that_does_not_happen_fails_the_activity(
    steering: ExperimentSteering, fault: str, message: str
) -> None:
    """Two in one place, a place the run does not have, a word nobody knows."""
    await asyncio.to_thread(toolkit.apply, "pause:name=nap")
    with pytest.raises(ActivityFailed, match=message):
        await asyncio.to_thread(toolkit.apply, fault)
    await steering.injector.heal_all()


async def test_probes_see_the_last_seconds_of_the_load(steering: ExperimentSteering) -> None:
    """And fail when there was none: an answer that nobody gave is no answer."""
    with pytest.raises(ActivityFailed, match="no call ended"):
        await asyncio.to_thread(toolkit.success_rate)

    now_ns = steering.clock.now_ns()
    steering.recent.add([rows((now_ns / 1e9, 20, "ok"), (now_ns / 1e9, 1, "reset"))], now_ns)
    assert await asyncio.to_thread(toolkit.success_rate) == 0.5
    assert await asyncio.to_thread(toolkit.response_ms, "p95") == pytest.approx(20)
    assert await asyncio.to_thread(toolkit.throughput, "2s") == 0.5
    with pytest.raises(ActivityFailed, match="'soon' is not a duration"):
        await asyncio.to_thread(toolkit.success_rate, "soon")


@pytest.mark.parametrize(
    "question", [{"ask": "dance"}, {}, {"key": "another", "ask": "end"}, {"key": None, "ask": "end"}]
)
async def test_what_is_no_question_is_answered_so(
    steering: ExperimentSteering, question: dict[str, str | None]
) -> None:
    """A word nobody knows, a key of somebody else's; and the line stays."""
    where = os.environ["HARNESS_STEERING"]
    with pytest.raises(ActivityFailed, match=r"there is no|the key is wrong"):
        await asyncio.to_thread(answer, where, question)
    assert not steering.ended.is_set()
    assert await asyncio.to_thread(answer, where, {"ask": "end", "status": "completed"}) == {}
    assert steering.ended.is_set()


@pytest.mark.parametrize(
    "line", [b"[" * 60_000, b'{"ask":' * 900 + b"1" + b"}" * 900, b"x" * 100_000, b"1" * 5_000, b"\xff"]
)
async def test_a_line_that_is_no_question_is_answered_so(steering: ExperimentSteering, line: bytes) -> None:
    """Nested without end, or without an end: an error for whoever asked, and the line stays."""
    port = int(os.environ["HARNESS_STEERING"].partition(":")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(line + b"\n")
    assert b'{"error": "' in await reader.readline()
    writer.close()
    assert await asyncio.to_thread(answer, os.environ["HARNESS_STEERING"], {"ask": "end"}) == {}


@pytest.mark.parametrize("said", [b"[" * 100_000, b"[]", b"x" * 1_100_000, b'{"a":' * 900])
async def test_an_answer_that_is_none_fails_the_activity(said: bytes) -> None:
    """Whoever has taken that port."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said + b"\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        where = f"{server.sockets[0].getsockname()[1]}:key"
        with pytest.raises(ActivityFailed, match=r"does not answer|no object"):
            await asyncio.to_thread(answer, where, {"ask": "end"})


def test_without_a_run_an_activity_fails_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not look as if something had happened."""
    monkeypatch.delenv("HARNESS_STEERING", raising=False)
    with pytest.raises(ActivityFailed, match="harness chaos FILE"):
        toolkit.apply("down")
    monkeypatch.setenv("HARNESS_STEERING", "1:none")
    with pytest.raises(ActivityFailed, match="does not answer"):
        toolkit.heal("down")


def test_under_a_run_of_the_harness_the_control_starts_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one already, and its end is its own."""
    monkeypatch.setenv("HARNESS_STEERING", "1:none")
    control.before_experiment_control({})
    control.after_experiment_control({})


def test_an_experiment_without_load_is_not_played(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A run that cannot start interrupts the experiment, and nothing is left."""
    monkeypatch.delenv("HARNESS_STEERING", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(InterruptExecution, match="ended with exit code 2"):
        control.before_experiment_control({"title": "t", "method": "none"})
    assert list(tmp_path.iterdir()) == []
