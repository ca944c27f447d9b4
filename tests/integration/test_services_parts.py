"""Every part that a run starts is watched: killed for real, it is told of by its name; ended by us, it is not."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.run_directory.undo import Ended, UndoJournal
from harness.services import target
from harness.services.backends import postgres, rabbitmq, redis
from harness.services.cleanup.janitor_process import watching
from harness.services.processes.ports import free_port
from harness.services.toxiproxy import server
from tests import brokers, getting

Starting = Callable[[Path], AbstractAsyncContextManager[Any]]


@asynccontextmanager
async def commanded(place: Path) -> AsyncIterator[None]:
    """A command of the user's."""
    port = free_port()
    argv = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    async with target.commanded(place, argv, f"http://127.0.0.1:{port}/"):
        yield


STARTING: dict[str, tuple[Starting, list[str]]] = {
    "postgres": (postgres.embedded, ["postgres"]),
    "redis": (redis.own, ["redis"]),
    "rabbitmq": (rabbitmq.own, ["epmd", "rabbitmq"]),
    "server": (commanded, ["server"]),
}


async def until(told: list[Ended], number: int = 0) -> Ended:
    """The one of that number."""
    async with asyncio.timeout(60):
        while len(told) <= number:
            await asyncio.sleep(0.01)
    return told[number]


async def killed_one_by_one(
    starting: Starting, parts: list[str], undo: UndoJournal, place: Path
) -> list[tuple[str, str]]:
    """What is told of each, and its how."""
    told: list[Ended] = []
    undo.unasked = told.append
    async with starting(place):
        for number, part in enumerate(parts):
            name = sys.executable if part == "server" else part
            (pid,) = [one.data["pid"] for one in undo.open() if one.data.get("name") == name]
            os.kill(pid, signal.SIGKILL)
            assert (await until(told, number)).pid == pid
    return [(one.part, one.how) for one in told]


KILLED = "killed by signal 9 (SIGKILL)"


@pytest.mark.parametrize("kind", STARTING)
async def test_a_part_that_is_killed_is_told_of_by_its_name(
    kind: str, undo: UndoJournal, tmp_path: Path
) -> None:
    """Once; what follows from it, and the end of the run, is not told."""
    if kind in {"redis", "rabbitmq"} and not brokers.are_installed(kind):
        pytest.skip(getattr(getting, kind)())
    starting, parts = STARTING[kind]

    assert await killed_one_by_one(starting, parts, undo, tmp_path) == [(part, KILLED) for part in parts]


@pytest.mark.usefixtures("toxiproxy_found")
async def test_a_toxiproxy_that_is_killed_is_told_of(undo: UndoJournal, tmp_path: Path) -> None:
    """It takes all links with it."""
    told = await killed_one_by_one(server.started, ["toxiproxy"], undo, tmp_path)
    assert told == [("toxiproxy", KILLED)]


async def test_both_processes_of_a_target_are_told_apart(
    undo: UndoJournal, tmp_path: Path, postgres_url: str
) -> None:
    """The one that serves, and the one that stands in for it."""
    for name in ("target", "target-2"):
        told: list[Ended] = []
        undo.unasked = told.append
        async with target.managed(tmp_path, postgres_url, name=name) as started:
            os.kill(started.pid, signal.SIGKILL)
            assert (await until(told)).part == name


async def test_a_janitor_that_is_killed_is_told_of(tmp_path: Path) -> None:
    """One that leaves in good order is not."""
    told: list[Ended] = []
    async with watching(tmp_path / "undo.jsonl") as undo:
        undo.unasked = told.append
    assert told == []
    async with watching(tmp_path / "undo.jsonl") as undo:
        undo.unasked = told.append
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        (pid,) = [int(pid) for pid in children if str(tmp_path) in cmdline(pid)]
        os.kill(pid, signal.SIGKILL)
        one = await until(told)
    assert (one.part, one.pid, one.how) == ("janitor", pid, KILLED)
    assert len(told) == 1


def cmdline(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
