"""Faults on processes of ours: killed, frozen, replaced; proved by canaries and the process table, and healed."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

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
from harness.services.balancer.control import balanced
from harness.services.balancer.routing import Balance, State
from harness.services.fault_sites.balanced import BalancedTarget, Place
from harness.services.fault_sites.named_process import NamedProcess
from harness.services.fault_sites.own_process import OwnProcess
from harness.services.fault_sites.restartable import RestartableProcess
from harness.services.processes.ports import free_port
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
async def two(tmp_path: Path) -> AsyncIterator[tuple[OwnProcess, BalancedTarget]]:
    """Two servers behind a balancer."""
    async with AsyncExitStack() as stack:

        async def another(name: str) -> Place:
            port = free_port("127.0.0.1")
            argv = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
            started = target.commanded(tmp_path, argv, f"http://127.0.0.1:{port}", name=name)
            return Place(name, (await stack.enter_async_context(started)).process, "127.0.0.1", port)

        balancer = await stack.enter_async_context(balanced(tmp_path, Balance.REQUESTS))
        several = BalancedTarget(balancer, another)
        for _ in range(2):
            await several.add()
        yield OwnProcess("the target", several.places[0].process, several), several


async def serving(several: BalancedTarget) -> set[str]:
    return {each.name for each in (await several.status()).members if each.state == State.SERVES}


@pytest.mark.parametrize(
    ("kind", "names"),
    [("rolling_restart", {"target", "target-2"}), ("blue_green", {"target-3", "target-4"})],
)
async def test_a_deploy_replaces_all_processes(
    tmp_path: Path, undo: UndoJournal, kind: str, names: set[str]
) -> None:
    """Verified by new pids, by the balancer and by canaries; one that happened to nobody is not."""
    async with two(tmp_path) as (on, several):
        url, before = several.balancer.url, on.pids
        async with canary.opened(url, url, RealClock()) as canaries:
            untouched = await REGISTRY[kind](on, "f", {}).verify(canaries)
        assert "2 of its processes are those that they were" in untouched.why_not

        told = {name_of(event): data_of(event) for event in await injected(tmp_path, undo, on, url, kind)}

        assert told["fault_verified"]["verified"], told
        assert told["fault_healed"] == {"name": "f", "healed": True, "why": ""}
        assert len(on.pids) == 2
        assert not set(before) & set(on.pids)
        assert await serving(several) == names


async def test_a_deploy_that_is_cut_short_leaves_all_processes_serving(
    tmp_path: Path, undo: UndoJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted when the first is down and the second serves."""
    async with two(tmp_path) as (on, several):
        reached, start = asyncio.Event(), type(on.process).start

        async def start_never(process: RestartableProcess) -> None:
            if process is on.process and not reached.is_set():
                reached.set()
                await asyncio.sleep(600)
            await start(process)

        monkeypatch.setattr(type(on.process), "start", start_never)
        injecting = asyncio.ensure_future(
            injected(tmp_path, undo, on, several.balancer.url, "rolling_restart")
        )
        await asyncio.wait_for(reached.wait(), 60)
        assert not on.process.running
        assert await serving(several) == {"target-2"}
        injecting.cancel()
        await asyncio.wait([injecting])

        assert len(on.pids) == 2
        assert await serving(several) == {"target", "target-2"}


@pytest.mark.parametrize("kind", ["kill", "pause", "restart"])
async def test_a_fault_on_a_target_of_several_processes_is_on_all_of_them(
    tmp_path: Path, undo: UndoJournal, kind: str
) -> None:
    """Verified through the balancer, at which nobody answers then."""
    async with two(tmp_path) as (on, several):
        told = {
            name_of(event): data_of(event)
            for event in await injected(tmp_path, undo, on, several.balancer.url, kind)
        }

        assert told["fault_verified"]["verified"], told
        assert told["fault_healed"]["healed"]
        assert await serving(several) == {"target", "target-2"}


async def test_one_process_cannot_be_restarted_by_turns(tmp_path: Path, undo: UndoJournal) -> None:
    """It is skipped, with the reason."""
    async with part(tmp_path, undo, "target") as (on, url):
        (skipped,) = [
            data_of(event)
            for event in await injected(tmp_path, undo, on, url, "rolling_restart")
            if name_of(event) == "fault_skipped"
        ]
        assert "one process only" in skipped["why"]
