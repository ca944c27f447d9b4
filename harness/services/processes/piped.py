"""Processes that are spoken to by their pipes, started many at a time by a process with an event loop of its own.

    started = start(["npx", "-y", "some-server"], place)
    started.stdin, started.stdout, started.stderr     our ends; they do not block
    started.gate                                      hangs up at the moment when the program's own code begins
    signal_group(started, SIGKILL)                    for it and its process group
    forget(started); end_strays()                     and what it has left behind

- Each leads a session and a process group of its own, and dies with the thread that has started it.
- It carries the mark of the process that starts it, with a number of its own, so the janitor finds its family.
- What loses its parent comes to us (`strays.adopt`): `end_strays` finds it when the session that it came from is over. It
  is known by its mark, or by having no environment at all.

It reads no clock, and knows no event loop: load workers have gevent's.
"""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from harness.services.processes import launch, proctable
from harness.services.processes.proctable import MARK, Process
from harness.services.processes.strays import children

GATE_FD: Final = 3  # in the child, until its own program begins
NOT_STARTED: Final = launch.NOT_STARTED
STRAY_ROUNDS: Final = 20
GO: Final = b"g"
_numbers = count(1)
_known: "set[Started]" = set()  # those of this process that are not over
_over: set[int] = set()  # the pids of those that are, and of strays that were sent SIGKILL


@dataclass(frozen=True, slots=True)
class Place:
    """Where processes run: their environment, cores, niceness and umask."""

    env: Mapping[str, str] = field(repr=False)
    cores: Sequence[int] = ()
    nice: int = 0
    umask: int = -1


@dataclass(frozen=True, slots=True)
class Started:
    """A process, and our ends of its pipes."""

    pid: int
    handle: int  # a pidfd: readable when it has ended
    stdin: int
    stdout: int
    stderr: int
    gate: int
    mark: str


def start(argv: Sequence[str], place: Place) -> Started:
    """Start a process; OSError when there are no more processes or files to be had."""
    made: list[int] = []

    def pipe() -> tuple[int, int]:
        made.extend(ends := os.pipe())
        return ends

    mark = f"{place.env.get(MARK, '')}.{next(_numbers)}"
    try:
        (gate, opener), (stdin, ours_in), (ours_out, stdout), (ours_err, stderr) = (pipe() for _ in range(4))
        numbers = (GATE_FD, os.getpid(), int(signal.SIGKILL), launch.KEEP, launch.KEEP, place.nice)
        cores = ",".join(map(str, place.cores)) or launch.INHERITED
        words = [sys.executable, "-I", "-S", launch.__file__, *map(str, numbers), cores, *argv]
        # Numbers above those that they become: a later dup2 must not overwrite one that is still to be read.
        moved = [_above(number, made) for number in (stdin, stdout, stderr, gate)]
        before = os.umask(place.umask) if place.umask >= 0 else -1
        try:
            pid = os.posix_spawn(
                sys.executable,
                words,
                {**place.env, MARK: mark},
                file_actions=[(os.POSIX_SPAWN_DUP2, one, place_of) for place_of, one in enumerate(moved)],
                setsid=True,
                setsigmask=(),
            )
        finally:
            if before >= 0:
                os.umask(before)
        handle = os.pidfd_open(pid)
        ours = (ours_in, ours_out, ours_err, opener)
        for one in ours:
            os.set_blocking(one, False)
            made.remove(one)
        os.write(opener, GO)
        started = Started(pid, handle, *ours, mark)
        _known.add(started)
        return started
    finally:
        for one in made:
            os.close(one)


def _above(number: int, made: list[int]) -> int:
    """Return the same file under a number that no standard file has, and not the gate's."""
    import fcntl

    moved = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, GATE_FD + 1)
    made.append(moved)
    return moved


def ended(started: Started) -> int | None:
    """Return its exit code, minus the signal that ended it; None while it runs."""
    try:
        pid, status = os.waitpid(started.pid, os.WNOHANG)
    except ChildProcessError:  # somebody else has asked before
        return 0
    return os.waitstatus_to_exitcode(status) if pid else None


def signal_group(started: Started, number: int) -> bool:
    """Send a signal to its process group; return whether there is one.

    While the leader has not been waited for, nobody else can have its number.
    """
    try:
        os.killpg(started.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def forget(started: Started) -> None:
    """Note that this session is over: what is left of it has no right to be there."""
    _known.discard(started)
    _over.add(started.pid)


def end_strays() -> int:
    """End the processes that came to us from sessions that are over; return their number."""
    ended_now = 0
    for _ in range(STRAY_ROUNDS):
        strays = [each for each in children() if _is_stray(each)]
        if not strays:
            break
        for each in strays:
            ended_now += each.alive and proctable.send(each, signal.SIGKILL)
            _over.add(each.pid)
            with suppress(ChildProcessError):
                os.waitpid(each.pid, os.WNOHANG)  # those that still end are found again
    return ended_now


def _is_stray(process: Process) -> bool:
    if any(one.pid in {process.pid, process.session} for one in _known):
        return False
    if not process.alive:
        return not _over.isdisjoint({process.pid, process.session})
    try:
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
    except OSError:
        return False
    entries = environment.decode(errors="replace").split("\0")
    marks = [entry.partition("=")[2] for entry in entries if entry.startswith(f"{MARK}=")]
    if not marks:
        return not environment
    return marks[0].startswith(f"{os.environ.get(MARK, '')}.") and all(one.mark != marks[0] for one in _known)
