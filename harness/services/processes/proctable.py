"""The process table, from /proc: processes, their families, and signals that cannot reach the wrong process.

A process is (pid, start_ticks); a pid alone may have been given to somebody else. A family is a process, what
is in its session, and all their descendants: a child that made a session of its own is found by its parent; a
child whose parent died is found by its session. A process that left both is found by the mark in its
environment; if it overwrote even that (PostgreSQL's backends do), by its working directory, which is ours.

It is read in the janitor too, so it imports the standard library only.
"""

import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MARK = "HARNESS_CHILD_OF"  # what every child carries in its environment: UNDO_JSONL#OWN_NUMBER
_ZOMBIES = "ZX"


@dataclass(frozen=True, slots=True)
class Process:
    """One line of the process table."""

    pid: int
    ppid: int
    session: int
    terminal: int  # 0 when it has none
    state: str
    start_ticks: int

    @property
    def alive(self) -> bool:
        """False for a zombie: it has ended, and its parent has not yet asked for its exit code."""
        return self.state not in _ZOMBIES


def read(pid: int) -> Process | None:
    """Return a process as it is now, or None if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name, in parentheses, may hold blanks and parentheses of its own.
    fields = stat.rpartition(")")[2].split()
    return Process(pid, int(fields[1]), int(fields[3]), int(fields[4]), fields[0], int(fields[19]))


def table() -> dict[int, Process]:
    """Return all processes that can be seen, by pid."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208 - a fifth of the time
    return {pid: process for pid in pids if (process := read(pid)) is not None}


def is_alive(pid: int, start_ticks: int) -> bool:
    """Whether exactly this process still runs."""
    process = read(pid)
    return process is not None and process.alive and process.start_ticks == start_ticks


def family(roots: Iterable[tuple[int, int]], processes: dict[int, Process]) -> set[Process]:
    """Return the roots that still run, the sessions they lead or led, and the descendants of all these."""
    known = dict(roots)
    relatives = {
        process
        for pid, ticks in known.items()
        if (process := processes.get(pid)) and process.start_ticks == ticks
    }
    # The kernel does not reuse a pid while a session has that number; a reused pid means another session.
    reused = {pid for pid, ticks in known.items() if pid in processes and processes[pid].start_ticks != ticks}
    relatives |= {
        process
        for process in processes.values()
        if process.session in known.keys() - reused and process.start_ticks >= known[process.session]
    }
    children: dict[int, list[Process]] = {}
    for process in processes.values():
        children.setdefault(process.ppid, []).append(process)
    pending = list(relatives)
    while pending:
        fresh = [child for child in children.get(pending.pop().pid, ()) if child not in relatives]
        relatives.update(fresh)
        pending.extend(fresh)
    return {process for process in relatives if process.alive and process.pid != os.getpid()}


def marked(mark: str, processes: dict[int, Process]) -> set[Process]:
    """Return the processes whose mark begins with `mark`: a child's family, or for a path, a whole run."""
    wanted = f"{MARK}={mark}".encode()
    carriers = set()
    for process in processes.values():
        try:
            environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        except OSError:  # what may not be read is not ours
            continue
        ours = wanted in environment and any(entry.startswith(wanted) for entry in environment.split(b"\0"))
        if ours and process.alive and process.pid != os.getpid():
            carriers.add(process)
    return carriers


def standing_in(directory: str, processes: dict[int, Process]) -> set[Process]:
    """Return the processes that work in a directory and have no terminal; a person's shell has one."""
    pids = set()
    for process in processes.values():
        try:
            place = os.readlink(f"/proc/{process.pid}/cwd").removesuffix(" (deleted)")  # noqa: PTH115 - as text
        except OSError:
            continue
        inside = place == directory or place.startswith(f"{directory}/")
        if inside and process.terminal == 0 and process.alive and process.pid != os.getpid():
            pids.add(process)
    return pids


def send(process: Process, number: int) -> bool:
    """Signal exactly this process, never one that took over its pid; False when it is gone."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        if not is_alive(process.pid, process.start_ticks):
            return False
        signal.pidfd_send_signal(handle, number)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
