"""Processes made to stand still (SIGSTOP), all of them, those that are being born too; and let go on."""

import asyncio
import signal
from collections.abc import Callable, Collection, Iterable

from harness.errors import ServiceError
from harness.services import proctable
from harness.services.proctable import Process

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
