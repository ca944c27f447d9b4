"""Faults on a process that the user names: nothing else is touched, and it goes on whatever happens."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.faults.kinds import REGISTRY
from harness.foundation.errors import ServiceError, UsageError
from harness.run_directory.undo import UndoJournal, read_open
from harness.services.cleanup import leftovers
from harness.services.fault_sites import named_process
from harness.services.fault_sites.named_process import NamedProcess
from harness.services.processes import proctable
from harness.services.processes.proctable import Process
from tests import getting
from tests.fakes.events import data_of, name_of
from tests.integration.test_process_faults import injected, part

TREE = "sleep 600 & setsid sleep 600 & wait"


@pytest.fixture
def somebody() -> Iterator[int]:
    """A process of its own session with two children, one of which has left the session; not of the harness's family."""
    # Its parent ends at once, so that it does not descend from this test.
    starting = subprocess.run(
        ["sh", "-c", f"setsid sh -c '{TREE}' >/dev/null 2>&1 & echo $!"], capture_output=True, check=True
    )
    pid = int(starting.stdout)
    yield pid
    root = proctable.read(pid)
    if root is not None:
        for process in proctable.family([(root.pid, root.start_ticks)], proctable.table()):
            proctable.send(process, signal.SIGKILL)


def members(pid: int) -> set[Process]:
    root = proctable.read(pid)
    return proctable.family([(pid, root.start_ticks)], proctable.table()) if root else set()


def pids(processes: set[Process]) -> set[int]:
    return {each.pid for each in processes}


async def whole(pid: int) -> set[Process]:
    """Until all three are there."""
    async with asyncio.timeout(60):
        while len(found := members(pid)) < 3 or any(_program(each.pid) == "setsid" for each in found):
            await asyncio.sleep(0.02)
    return found


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


@pytest.mark.parametrize("kind", ["pause", "kill"])
async def test_all_of_a_named_process_is_stopped_or_killed_and_what_stood_still_goes_on(
    tmp_path: Path, undo: UndoJournal, somebody: int, kind: str
) -> None:
    """Proved by the process table; the target, which is another one, is asked before and after."""
    before = await whole(somebody)
    async with part(tmp_path, undo, "target") as (_, url):
        told = {
            name_of(event): data_of(event)
            for event in await injected(tmp_path, undo, named_process.found(somebody), url, kind)
        }

    assert told["fault_verified"]["verified"], told
    assert told["fault_healed"] == {"name": "f", "healed": True, "why": ""}
    assert read_open(undo.path) == []
    assert pids(members(somebody)) == (pids(before) if kind == "pause" else set())
    assert not [each for each in members(somebody) if each.state == "T"]


async def test_a_fault_on_a_named_process_that_did_not_happen_is_not_verified(somebody: int) -> None:
    """Awake and alive as it is."""
    named = named_process.found(somebody)
    for kind, why in (("pause", "are not stopped"), ("kill", "still runs")):
        assert why in (await REGISTRY[kind](named, "f", {}).verify(None)).why_not  # type: ignore[arg-type]


async def test_what_a_killed_harness_left_standing_still_is_let_go_on(
    undo: UndoJournal, somebody: int
) -> None:
    """By the janitor's part, from what was written down before; all of it, also what left the session."""
    await whole(somebody)
    named = named_process.found(somebody)
    must = named.undo()
    assert must is not None
    undo.add(must.what, **must.data)
    await named.freeze()
    assert {each.state for each in members(somebody)} == {"T"}

    said = await asyncio.to_thread(leftovers.undo_all, undo.path)
    assert said == [f"undone: the pause of process {somebody} (sh)"]
    assert not [each for each in members(somebody) if each.state == "T"]
    assert len(members(somebody)) == 3


async def test_a_pid_that_was_given_to_somebody_else_is_never_touched(
    undo: UndoJournal, somebody: int
) -> None:
    """Known by its start: not paused, not killed, not let go on."""
    await whole(somebody)
    another = named_process.found(somebody)
    earlier = NamedProcess("process", another.pid, another.start_ticks - 1)
    for disturb in (earlier.freeze, earlier.kill):
        with pytest.raises(ServiceError, match="has ended since the run began"):
            await disturb()
    assert "T" not in {each.state for each in members(somebody)}

    await another.freeze()
    undo.add(
        "stopped", boot=named_process.boot_id(), name="p", processes=[[earlier.pid, earlier.start_ticks]]
    )
    undo.add("stopped", boot="another", name="p", processes=[[another.pid, another.start_ticks]])
    await asyncio.to_thread(leftovers.undo_all, undo.path)
    await earlier.clear()
    assert {each.state for each in members(somebody)} == {"T"}
    await another.renew()
    assert not [each for each in members(somebody) if each.state == "T"]


def test_what_must_not_be_disturbed_is_refused_before_anything_starts() -> None:
    """Everything's parent, this process, what it comes from, what it has started, nobody at all."""
    child = subprocess.Popen(["sleep", "600"])
    try:
        for pid, message in (
            (1, "Process 1 cannot be disturbed"),
            (os.getpid(), "belongs to this run"),
            (os.getppid(), "belongs to this run"),
            (child.pid, "belongs to this run"),
            (2**22 + 1, "There is no process"),
        ):
            with pytest.raises(UsageError, match=message):
                named_process.found(pid)
    finally:
        child.kill()
        child.wait()


def test_a_process_of_another_user_s_is_refused() -> None:
    """Also when root could disturb it."""
    if os.geteuid() != 0:
        pytest.skip(getting.AS_ROOT)
    starting = subprocess.run(
        ["sh", "-c", "sleep 600 >/dev/null 2>&1 & echo $!"], capture_output=True, check=True, user="nobody"
    )
    pid = int(starting.stdout)
    try:
        with pytest.raises(UsageError, match="It belongs to nobody, and this is"):
            named_process.found(pid)
    finally:
        os.kill(pid, signal.SIGKILL)
