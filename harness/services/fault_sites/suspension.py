"""Stop processes (SIGSTOP), also those that are being forked, and resume them."""

import asyncio
import signal
from collections.abc import Callable, Collection, Iterable

from harness.foundation.errors import ServiceError
from harness.services.processes import proctable
from harness.services.processes.proctable import Process

SWEEPS, SWEEP_PAUSE_S = 50, 0.02
STOPPED = "Tt"


def awake(processes: Iterable[Process]) -> list[Process]:
    """Return the processes that are not stopped."""
    return [process for process in processes if process.state not in STOPPED]


async def freeze(name: str, members: Callable[[], Collection[Process]]) -> set[Process]:
    """Stop all processes until none of them runs; return those that were stopped."""
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
    """Resume all processes."""
    for process in processes:
        proctable.send(process, signal.SIGCONT)


async def end(name: str, members: Callable[[], Collection[Process]]) -> None:
    """Kill all processes with SIGKILL, until none is left."""
    for _ in range(SWEEPS):
        if not (left := members()):
            return
        for process in left:
            proctable.send(process, signal.SIGKILL)
        await asyncio.sleep(SWEEP_PAUSE_S)
    raise ServiceError(f"{name} cannot be killed", f"{len(members())} of its processes are left")


async def go_on(name: str, processes: Iterable[Process]) -> None:
    """Resume the processes until none is stopped; those that have ended need nothing."""
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
    raise ServiceError(f"{name} is still frozen", f"SIGCONT did not help: kill -CONT {pids}")
