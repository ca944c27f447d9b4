"""Rude clients as faults: proved by what they did, sent away by healing, counted in events.jsonl."""

import resource
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.conduct.live.progress import Silent
from harness.conduct.setup.fault_sites import FaultSites
from harness.faults import canary
from harness.faults.injector import FaultSite, Injector
from harness.faults.kinds import rude
from harness.foundation.clock import RealClock, RunClock
from harness.foundation.errors import ServiceError, UsageError
from harness.run_directory.events import EventLog, read_events
from harness.run_directory.undo import UndoJournal, read_open
from harness.scenario.plan.plan import FaultStep
from harness.services.fault_sites.server_site import ServerSite
from tests.fakes.events import data_of, name_of
from tests.fakes.mcp_server import mcp_server

PARAMETERS: dict[str, float | str] = {"clients": 3.0, "every": 0.05, "size": 1000.0}


@asynccontextmanager
async def injector(directory: Path, undo: UndoJournal, url: str, protocol: str) -> AsyncIterator[Injector]:
    clock = RealClock()
    async with canary.opened(url, url, clock) as canaries:
        with EventLog(directory / "events.jsonl") as log:
            ways = {"door": FaultSite(ServerSite(url, protocol), canaries)}
            yield Injector(ways, RunClock.of(clock), log, undo, Silent())


async def injected(directory: Path, undo: UndoJournal, how: str, path: str = "") -> dict[str, Any]:
    """One fault from its beginning to its end: the events, by name."""
    step = FaultStep(
        name="f", kind="rude", link="door", step=None, offset_s=0, starts_s=0, for_s=0.3,
        parameters=PARAMETERS | {"how": how},
    )  # fmt: skip
    async with mcp_server() as url, injector(directory, undo, f"{url}{path}", "2025-11-25") as playing:
        playing.step_began(None, 0)
        await playing.inject((step,))
    return {name_of(event): data_of(event) for event in read_events(directory / "events.jsonl")}


async def test_a_rude_fault_is_proved_counted_and_healed(tmp_path: Path, undo: UndoJournal) -> None:
    """Sessions opened, and ended again; nothing is left to be undone."""
    events = await injected(tmp_path, undo, "sessions")

    assert list(events) == ["fault_on", "fault_verified", "fault_off", "fault_did", "fault_healed"]
    assert events["fault_verified"]["verified"]
    assert events["fault_healed"]["healed"]
    did = events["fault_did"]["did"]
    assert did["opened"] == did["ended"] > 0
    assert read_open(undo.path) == []


async def test_what_did_not_happen_is_not_verified(
    tmp_path: Path, undo: UndoJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another door, with nobody behind it who opens sessions."""
    monkeypatch.setattr(rude, "SHOWN_S", 0.3)
    events = await injected(tmp_path, undo, "sessions", path="/nowhere")

    assert not events["fault_verified"]["verified"]
    assert events["fault_verified"]["why"].startswith("no client got to it within 0 s")


def test_more_clients_than_files_are_not_let_loose(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is raised as far as it goes; beyond that it is said."""
    limits = {"soft": 100}
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limits["soft"], 500))
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: limits.update(soft=pair[0]))

    rude._check_files(250)
    assert limits["soft"] == 450
    with pytest.raises(ServiceError, match="400 rude clients cannot come"):
        rude._check_files(400)


@pytest.mark.parametrize(
    ("url", "protocol"),
    [("https://127.0.0.1:1/mcp", "2025-11-25"), ("http://127.0.0.1:1/mcp", "websocket"), ("http://127.0.0.1:1/sse", "sse")],
)  # fmt: skip
async def test_a_door_that_they_cannot_use_is_said_before_the_load(
    url: str, protocol: str, undo: UndoJournal
) -> None:
    """Exit 2, unless nobody asked for them."""
    async with AsyncExitStack() as stack:
        wanted, other = (
            FaultSites(stack, frozenset(needed), None, "r", RealClock()) for needed in (["door"], ["client"])
        )
        with pytest.raises(UsageError, match="Rude clients cannot connect"):
            await wanted.let_in(url, protocol, {})
        await other.let_in(url, protocol, {})

    assert other.found == {}
