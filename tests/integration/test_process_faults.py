"""Faults on processes of ours: killed, frozen, replaced; proved by canaries and the process table, and healed."""

import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from harness import canary
from harness.clock import Epoch, RealClock
from harness.errors import ServiceError
from harness.faults import REGISTRY
from harness.injector import Injector, Way
from harness.live.progress import Silent
from harness.plan.plan import FaultStep
from harness.record.events import Event, EventLog, read_events
from harness.record.undo import Journal
from harness.services import postgres, target
from harness.services.part import Part
from harness.services.ports import free_port


@asynccontextmanager
async def part(tmp_path: Path, undo: Journal, which: str) -> AsyncIterator[tuple[Part, str]]:
    """A server of the user's, or a PostgreSQL."""
    async with AsyncExitStack() as stack:
        if which == "postgres":
            server = await stack.enter_async_context(postgres.server(undo, tmp_path))
            yield Part("PostgreSQL", server.seat), server.url
        else:
            url = f"http://127.0.0.1:{free_port('127.0.0.1')}"
            argv = [sys.executable, "-m", "http.server", url.rpartition(":")[2], "--bind", "127.0.0.1"]
            started = await stack.enter_async_context(target.commanded(undo, tmp_path, argv, url))
            yield Part("the target", started.seat), url


async def injected(tmp_path: Path, undo: Journal, on: Part, url: str, kind: str) -> list[Event]:
    """One fault, at once."""
    clock = RealClock()
    step = FaultStep(
        name="f", kind=kind, link="target", step=None, offset_s=0, starts_s=0, for_s=0.1, parameters={}
    )
    with EventLog(tmp_path / "events.jsonl") as log:
        async with canary.opened(url, url, clock) as canaries:
            way = Way(on, canaries)
            injector = Injector({"target": way}, clock, Epoch.of(clock), log, undo, Silent())
            injector.step_began(None, 0)
            await injector.inject((step,))
    return read_events(tmp_path / "events.jsonl")


@pytest.mark.parametrize("which", ["target", "postgres"])
@pytest.mark.parametrize("kind", ["kill", "pause", "restart"])
async def test_a_fault_on_processes_is_verified_and_healed(
    tmp_path: Path, undo: Journal, which: str, kind: str
) -> None:
    """The server at the same address answers again; killed or replaced it is another process, paused the same."""
    async with part(tmp_path, undo, which) as (on, url):
        before = on.seat.child.pid
        told = {event.event: event.data for event in await injected(tmp_path, undo, on, url, kind)}

        assert told["fault_verified"]["verified"], told
        assert told["fault_healed"] == {"name": "f", "healed": True, "why": ""}
        assert on.seat.running
        assert on.awake()
        assert (on.seat.child.pid == before) is (kind == "pause")


@pytest.mark.parametrize("kind", ["kill", "pause", "restart"])
async def test_no_fault_is_seen_where_the_process_is_as_it_was(
    tmp_path: Path, undo: Journal, kind: str
) -> None:
    """What verifies a fault does not verify a healthy process."""
    async with (
        part(tmp_path, undo, "target") as (on, url),
        canary.opened(url, url, RealClock()) as canaries,
    ):
        assert (await REGISTRY[kind](on, "f", {}).verify(canaries)).why_not


async def test_a_part_that_does_not_run_cannot_be_paused_and_clearing_brings_it_back(
    tmp_path: Path, undo: Journal
) -> None:
    """Healing goes by what is there, not by what was done."""
    async with part(tmp_path, undo, "target") as (on, _):
        await on.seat.kill()
        with pytest.raises(ServiceError, match="cannot be paused"):
            await on.freeze()
        await on.clear()
        assert on.awake()
        on.seat.child.signal(signal.SIGSTOP)
        await on.renew()
        assert on.awake()
