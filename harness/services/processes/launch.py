"""What runs in a child between fork and its own program: `python -I -S launch.py GATE PARENT SIGNAL UID GID NICE CORES PROGRAM...`

A program of its own rather than a hook between fork and exec, which is unsafe in a process with threads.

0. take its place: the cores (`1,2`; `-` for those of the parent) and the priority, where that is allowed
1. drop to another user, if asked (first: the kernel forgets the death signal when the user changes)
2. ask the kernel for SIGNAL when the parent dies, and leave if it has died already
3. wait at the gate, a pipe, until the parent has written this pid down; its end means that the parent died
4. become PROGRAM

It is started by path and imports four modules of the standard library, so it costs about ten milliseconds.
"""

import ctypes
import os
import signal
import sys
from contextlib import suppress

PR_SET_PDEATHSIG = 1
INHERITED = "-"  # as CORES
KEEP = -1  # as UID or GID: stay who we are
NOT_STARTED = 127  # what a shell says too


def take_place(nice: int, cores: str) -> None:
    """Set cores and priority; where that is forbidden, go on with those of the parent."""
    if cores != INHERITED:
        with suppress(OSError):
            os.sched_setaffinity(0, [int(core) for core in cores.split(",")])
    if nice < 0:
        with suppress(OSError):
            os.nice(nice)
    elif nice:
        os.nice(nice)
        # Niceness sets the share of time; SCHED_BATCH keeps a waking process from preempting a running one.
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def main(numbers: list[int], cores: str, program: list[str]) -> int:
    """Become the program; return only if the parent has died."""
    gate, parent, death_signal, uid, gid, nice = numbers
    take_place(nice, cores)
    if uid != KEEP:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent or os.read(gate, 1) != b"g":
        return NOT_STARTED
    os.close(gate)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and that would be inherited
    return os.execvp(program[0], program)  # noqa: S606 - becoming the program is the point


if __name__ == "__main__":
    try:
        sys.exit(main([int(word) for word in sys.argv[1:7]], sys.argv[7], sys.argv[8:]))
    except OSError as error:
        sys.stderr.write(f"Cannot start {sys.argv[8]}: {error.strerror}\n")
        sys.exit(NOT_STARTED)
