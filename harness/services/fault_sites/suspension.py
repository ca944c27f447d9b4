"""Processes made to stand still (SIGSTOP), all of them, those that are being born too; and let go on."""

import asyncio
import signal
from collections.abc import Callable, Collection, Iterable

from harness.foundation.errors import ServiceError
from harness.services.processes import proctable
from harness.services.processes.proctable import Process

SWEEPS, SWEEP_PAUSE_S = 50, 0.02
STOPPED = "Tt"


def awake(processes: Iterable[Process]) -> list[Process]:
    """Those that are not stopped."""
    return [process for process in processes if process.state not in STOPPED]


async def freeze(name: str, members: Callable[[], Collection[Process]]) -> set[Process]:
    """Stop all of them, until none is awake; those that were stopped."""
    if not members():
        raise ServiceError(f"{name} cannot be paused", "It does not run")
    stopped: set[Process] = set()
    for _ in range(SWEEPS):
        if not (left := awake(members())):
            return stopped
        for process in left:
            proctable.send(process, signal.SIGSTOP)
            stopped.add(process)
        await asyncio.sleep(SWEEP_PAUSE_S)
    raise ServiceError(f"{name} cannot be paused", f"{len(awake(members()))} of its processes go on")


def thaw(processes: Iterable[Process]) -> None:
    """Let all of them go on."""
    for process in processes:
        proctable.send(process, signal.SIGCONT)


async def end(name: str, members: Callable[[], Collection[Process]]) -> None:
    """Without a word, until none is left."""
    for _ in range(SWEEPS):
        if not (left := members()):
            return
        for process in left:
            proctable.send(process, signal.SIGKILL)
        await asyncio.sleep(SWEEP_PAUSE_S)
    raise ServiceError(f"{name} cannot be killed", f"{len(members())} of its processes are left")


async def go_on(name: str, processes: Iterable[Process]) -> None:
    """Let them go on, until none of them stands still; those that have ended need nothing."""
    wanted = list(processes)
    for _ in range(SWEEPS):
        now = [proctable.read(each.pid) for each in wanted]
        still = [
            was
            for was, is_ in zip(wanted, now, strict=True)
            if is_ and is_.start_ticks == was.start_ticks and is_.state in STOPPED
        ]
        if not still:
            return
        thaw(still)
        await asyncio.sleep(SWEEP_PAUSE_S)
    pids = " ".join(str(each.pid) for each in still)
    raise ServiceError(f"{name} stands still", f"SIGCONT did not help: kill -CONT {pids}")
