"""Faults on processes of ours: killed, frozen, replaced; proved by canaries and the process table, and healed."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from harness.conduct.live.progress import Silent
from harness.faults import canary
from harness.faults.injector import FaultSite, Injector
from harness.faults.kinds import REGISTRY
from harness.foundation.clock import RealClock, RunClock
from harness.foundation.errors import ServiceError
from harness.run_directory.event_kinds import Event
from harness.run_directory.events import EventLog, read_events
from harness.run_directory.undo import UndoJournal
from harness.scenario.plan.plan import FaultStep
from harness.services import target
from harness.services.backends import postgres
from harness.services.fault_sites import links
from harness.services.fault_sites.named_process import NamedProcess
from harness.services.fault_sites.own_process import OwnProcess
from harness.services.fault_sites.second_process import SecondProcess
from harness.services.processes.ports import free_port
from harness.services.toxiproxy import server as toxiproxy
from tests.fakes.events import data_of, name_of


@asynccontextmanager
async def part(tmp_path: Path, undo: UndoJournal, which: str) -> AsyncIterator[tuple[OwnProcess, str]]:
    """A server of the user's, or a PostgreSQL."""
    async with AsyncExitStack() as stack:
        if which == "postgres":
            server = await stack.enter_async_context(postgres.server(tmp_path))
            yield OwnProcess("PostgreSQL", server.process), server.url
        else:
            url = f"http://127.0.0.1:{free_port('127.0.0.1')}"
            argv = [sys.executable, "-m", "http.server", url.rpartition(":")[2], "--bind", "127.0.0.1"]
            started = await stack.enter_async_context(target.commanded(tmp_path, argv, url))
            yield OwnProcess("the target", started.process), url


async def injected(
    tmp_path: Path, undo: UndoJournal, on: OwnProcess | NamedProcess, url: str, kind: str
) -> list[Event]:
    """One fault, at once."""
    clock = RealClock()
    step = FaultStep(
        name="f", kind=kind, link="target", step=None, offset_s=0, starts_s=0, for_s=0.1, parameters={}
    )
    with EventLog(tmp_path / "events.jsonl") as log:
        async with canary.opened(url, url, clock) as canaries:
            way = FaultSite(on, canaries)
            injector = Injector({"target": way}, RunClock.of(clock), log, undo, Silent())
            injector.step_began(None, 0)
            await injector.inject((step,))
    return read_events(tmp_path / "events.jsonl")


async def test_no_fault_is_applied_that_nobody_would_heal_if_the_harness_were_killed(
    tmp_path: Path, undo: UndoJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The janitor has died, and none could follow."""
    monkeypatch.setattr("harness.faults.injector.WATCHED_TRIES", 1)
    undo.unwatched = "the janitor has ended (exit code 1)"
    async with part(tmp_path, undo, "target") as (on, url):
        (skipped,) = await injected(tmp_path, undo, on, url, "kill")

    assert name_of(skipped) == "fault_skipped"
    assert data_of(skipped)["why"] == (
        "nothing would heal it if the harness were killed: the janitor has ended (exit code 1)"
    )


@pytest.mark.parametrize("which", ["target", "postgres"])
@pytest.mark.parametrize("kind", ["kill", "pause", "restart"])
async def test_a_fault_on_processes_is_verified_and_healed(
    tmp_path: Path, undo: UndoJournal, which: str, kind: str
) -> None:
    """The server at the same address answers again; killed or replaced it is another process, paused the same."""
    async with part(tmp_path, undo, which) as (on, url):
        before = on.process.child.pid
        told = {name_of(event): data_of(event) for event in await injected(tmp_path, undo, on, url, kind)}

        assert told["fault_verified"]["verified"], told
        assert told["fault_healed"] == {"name": "f", "healed": True, "why": ""}
        assert on.process.running
        assert on.awake()
        assert (on.process.child.pid == before) is (kind == "pause")


@pytest.mark.parametrize("kind", ["kill", "pause", "restart"])
async def test_no_fault_is_seen_where_the_process_is_as_it_was(
    tmp_path: Path, undo: UndoJournal, kind: str
) -> None:
    """What verifies a fault does not verify a healthy process."""
    async with (
        part(tmp_path, undo, "target") as (on, url),
        canary.opened(url, url, RealClock()) as canaries,
    ):
        assert (await REGISTRY[kind](on, "f", {}).verify(canaries)).why_not


async def test_a_part_that_does_not_run_cannot_be_paused_and_clearing_brings_it_back(
    tmp_path: Path, undo: UndoJournal
) -> None:
    """Healing goes by what is there, not by what was done."""
    async with part(tmp_path, undo, "target") as (on, _):
        await on.process.kill()
        with pytest.raises(ServiceError, match="cannot be paused"):
            await on.freeze()
        await on.clear()
        assert on.awake()
        on.process.child.signal(signal.SIGSTOP)
        await on.renew()
        assert on.awake()


@asynccontextmanager
async def two(tmp_path: Path, undo: UndoJournal) -> AsyncIterator[tuple[OwnProcess, str]]:
    """Two servers behind one link of a real Toxiproxy, and the way to them."""
    async with AsyncExitStack() as stack:
        started = []
        for number in (1, 2):
            place = tmp_path / str(number)
            place.mkdir()
            url = f"http://127.0.0.1:{free_port()}"
            argv = [sys.executable, "-m", "http.server", url.rpartition(":")[2], "--bind", "127.0.0.1"]
            started.append(await stack.enter_async_context(target.commanded(place, argv, url)))
        first, second = started
        server = await stack.enter_async_context(toxiproxy.started(tmp_path))
        link = await stack.enter_async_context(links.opened(server, "run-1", "client", first.base_url))
        stand_in = SecondProcess(second.process, urlsplit(second.base_url).netloc, link)
        yield OwnProcess("the target", first.process, stand_in), link.through(first.base_url)


@pytest.mark.usefixtures("toxiproxy_found")
async def test_a_rolling_restart_replaces_both_processes_and_ends_where_it_began(
    tmp_path: Path, undo: UndoJournal
) -> None:
    """Verified by new pids and by canaries; one that happened to nobody is not."""
    async with two(tmp_path, undo) as (on, url):
        assert on.second is not None
        processes = (on.process, on.second.process)
        before = [process.child.pid for process in processes]
        async with canary.opened(url, url, RealClock()) as canaries:
            untouched = await REGISTRY["rolling_restart"](on, "f", {}).verify(canaries)
        assert "2 of its processes are those that they were" in untouched.why_not

        told = {
            name_of(event): data_of(event)
            for event in await injected(tmp_path, undo, on, url, "rolling_restart")
        }

        assert told["fault_verified"]["verified"], told
        assert told["fault_healed"] == {"name": "f", "healed": True, "why": ""}
        assert not set(before) & {process.child.pid for process in processes}
        assert [process.starts for process in processes] == [2, 2]
        assert await on.second.gives_way()


@pytest.mark.usefixtures("toxiproxy_found")
async def test_a_rolling_restart_that_is_cut_short_leaves_both_running_and_the_link_on_the_first(
    tmp_path: Path, undo: UndoJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted when the first is down and the second serves."""
    async with two(tmp_path, undo) as (on, url):
        assert on.second is not None
        reached, start = asyncio.Event(), type(on.process).start

        async def start_never(process: object) -> None:
            if process is on.process and not reached.is_set():
                reached.set()
                await asyncio.sleep(600)
            await start(on.process if process is on.process else on.second.process)

        monkeypatch.setattr(type(on.process), "start", start_never)
        injecting = asyncio.ensure_future(injected(tmp_path, undo, on, url, "rolling_restart"))
        await asyncio.wait_for(reached.wait(), 60)
        assert not on.process.running
        assert not await on.second.gives_way()
        injecting.cancel()
        await asyncio.wait([injecting])

        assert on.process.running
        assert on.second.process.running
        assert await on.second.gives_way()


async def test_one_process_cannot_be_restarted_by_turns(tmp_path: Path, undo: UndoJournal) -> None:
    """It is skipped, with the reason."""
    async with part(tmp_path, undo, "target") as (on, url):
        (skipped,) = [
            data_of(event)
            for event in await injected(tmp_path, undo, on, url, "rolling_restart")
            if name_of(event) == "fault_skipped"
        ]
        assert "one process only" in skipped["why"]
