"""End the processes that a server started and that no longer belong to it.

    with ended_afterwards():
        ...                      start a server, speak to it, end it and its family

A process can start a session of its own, lose its parent and clear its environment. `proctable` then finds it in no family.
Inside the block, the kernel gives such a process to us as a child. When the last block ends, every child without an
environment is ended. The processes that we start ourselves always have an environment.
"""

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from harness.services.processes import proctable
from harness.services.processes.proctable import Process

PR_SET_CHILD_SUBREAPER: Final = 36
ROUNDS: Final = 20
LOOK_AGAIN_S: Final = 0.002  # while a program is replaced by another, it has no environment for a moment
_open: set[object] = set()  # the blocks that have not ended


def adopt(*, ours: bool = True) -> None:
    """Become the parent of what descends from us and loses its own parent; or no longer."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, int(ours), 0, 0, 0)


def children() -> list[Process]:
    """Return the processes whose parent we are now."""
    try:
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    except OSError:  # a kernel that does not say
        return []
    return [process for pid in text.split() if (process := proctable.read(int(pid))) is not None]


@contextmanager
def ended_afterwards() -> Iterator[None]:
    """End what comes to us meanwhile; blocks may lie in one another, or side by side."""
    block = object()
    _open.add(block)
    adopt()
    try:
        yield
    finally:
        _open.discard(block)
        if not _open:
            _end()
            adopt(ours=False)


def _end() -> None:
    for _ in range(ROUNDS):
        strays = [each for each in children() if _has_no_environment(each)]
        if not strays:
            return
        time.sleep(LOOK_AGAIN_S)
        for each in filter(_has_no_environment, strays):
            proctable.send(each, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(each.pid, 0)


def _has_no_environment(process: Process) -> bool:
    """Whether it runs without one; what has ended has none either, and is its starter's to ask about."""
    now = proctable.read(process.pid)
    if now is None or not now.alive or now.start_ticks != process.start_ticks:
        return False
    try:
        return not Path(f"/proc/{process.pid}/environ").read_bytes()
    except OSError:
        return False
