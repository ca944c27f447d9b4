"""A process that the user names by its pid: nobody here has started it, and nobody here can start it again.

    found(1234).freeze()            # it and all that descends from it

- It is known by pid and start time from the moment in which it was named: a process that was given the same pid later
  is never touched, and signals go through handles that cannot reach it.
- These are refused: pid 1, a process of another user, and this harness itself, its ancestors and its
  children.
- Processes are written down one by one before they are stopped: the janitor and `harness doctor --clean`
  resume them. A process that is killed stays dead. Its supervisor may start it again; the recovery of the
  target shows that.
"""

import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from harness.foundation.errors import ServiceError, UsageError
from harness.run_directory.undo import boot_id
from harness.services.cleanup.undoing import STOPPED, Undo
from harness.services.fault_sites import suspension
from harness.services.processes import proctable
from harness.services.processes.proctable import Process


@dataclass(frozen=True, slots=True)
class NamedProcess:
    """The process with this pid and start time, and its family."""

    name: str
    pid: int
    start_ticks: int
    stopped: set[Process] = field(default_factory=set)  # by us
    answers: ClassVar[bool] = False  # nobody knows its address

    def alive(self) -> bool:
        """Whether the process, or a descendant of it, still runs."""
        return bool(self._processes())

    def awake(self) -> list[Process]:
        """Return the processes of its family that are not stopped."""
        return suspension.awake(self._processes())

    def undo(self) -> Undo | None:
        """Return how another process resumes those that will be stopped."""
        members = [[each.pid, each.start_ticks] for each in self.awake()]
        return Undo(STOPPED, {"boot": boot_id(), "name": self.name, "processes": members})

    async def kill(self) -> None:
        """Kill the process and its family with SIGKILL."""
        self._check_there()
        await suspension.end(self.name, self._processes)

    async def start(self) -> None:
        """Do nothing: only whoever started the process can start it again."""

    async def freeze(self) -> None:
        self._check_there()
        self.stopped.update(await suspension.freeze(self.name, self._processes))

    async def thaw(self) -> None:
        """Resume the processes that were stopped here; skip those that have ended since."""
        await suspension.go_on(self.name, self.stopped)
        self.stopped.clear()

    async def clear(self) -> None:
        """Resume it, and check that it runs, unless it has ended."""
        await self.thaw()

    async def renew(self) -> None:
        """Resume it once more: nothing else can be done here."""
        await self.thaw()

    def _check_there(self) -> None:
        if not proctable.is_alive(self.pid, self.start_ticks):
            raise ServiceError(
                f"{self.name} is gone", "It has ended since the run began; no other one is touched"
            )

    def _processes(self) -> set[Process]:
        return proctable.family([(self.pid, self.start_ticks)], proctable.table())


def found(pid: int) -> NamedProcess:
    """Return the process that has this pid now; raise UsageError if it may not be disturbed."""
    table = proctable.table()
    process = table.get(pid)
    if process is None or not process.alive:
        raise UsageError(
            f"There is no process {pid}", "It may have ended", "Give the pid of a running process"
        )
    if pid == 1:
        raise UsageError(
            "Process 1 cannot be disturbed",
            "Every process of this machine descends from it",
            "Give the pid of a server",
        )
    if pid in _ours(table):
        raise UsageError(
            f"Process {pid} cannot be disturbed",
            "It belongs to this run of the harness, or has started it",
            "A target that the harness has started is named by link: target",
        )
    owner = Path(f"/proc/{pid}").stat().st_uid
    if owner != os.geteuid():
        raise UsageError(
            f"Process {pid} cannot be disturbed",
            f"It belongs to {_user(owner)}, and this is {_user(os.geteuid())}",
            f"Run the harness as {_user(owner)}",
        )
    return NamedProcess(f"process {pid} ({_program(pid)})", pid, process.start_ticks)


def _ours(table: dict[int, Process]) -> set[int]:
    """Return the pids of this process, its ancestors, its session's leader and its descendants."""
    own = table[os.getpid()]
    children = {each.pid for each in proctable.family([(own.pid, own.start_ticks)], table)}
    return {own.pid, own.session, *_above(own, table), *children}


def _above(process: Process, table: dict[int, Process]) -> Iterator[int]:
    while (parent := table.get(process.ppid)) is not None and parent.pid != process.pid:
        yield parent.pid
        process = parent


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "it has ended"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
