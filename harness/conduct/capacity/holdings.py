"""What the processes of a server hold at this moment, from /proc or from the files of a control group.

memory          anonymous memory that is resident: heaps and stacks, not the program's own code, which sessions cannot grow
open_files      file descriptors
threads
connections     open connections that these processes have made or accepted, by file descriptor

A control group tells memory and threads only. What cannot be read is left out: a reading is never a guess.
"""

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.foundation.errors import UsageError
from harness.services.processes import proctable

_ANONYMOUS: Final = re.compile(rb"^Anonymous:\s+(\d+) kB", re.MULTILINE)
UNITS: Final[Mapping[str, str]] = {
    "memory": "bytes",
    "open_files": "files",
    "threads": "threads",
    "connections": "connections",
}


@dataclass(frozen=True, slots=True)
class ProcessTree:
    """A process and all that it has started; known by its start time, so that no other can take its place."""

    pid: int
    start_ticks: int

    def read(self) -> dict[str, float]:
        """Return what they hold together; empty when the process has ended."""
        if not proctable.is_alive(self.pid, self.start_ticks):
            return {}
        members = proctable.family([(self.pid, self.start_ticks)], proctable.table())
        return _together(read_process(member.pid) for member in members)


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """A directory of /sys/fs/cgroup, such as a container's."""

    directory: Path

    def read(self) -> dict[str, float]:
        held: dict[str, float] = {}
        with suppress(OSError, ValueError):
            lines = (self.directory / "memory.stat").read_text(encoding="ascii").splitlines()
            held["memory"] = float(dict(line.split() for line in lines)["anon"])
        with suppress(OSError, ValueError):
            held["threads"] = float((self.directory / "pids.current").read_text(encoding="ascii"))
        return held


def process(pid: int) -> ProcessTree:
    """Return the process that has this pid now; raise UsageError if what it holds cannot be read."""
    there = proctable.read(pid)
    if there is None or not there.alive:
        raise UsageError(
            f"There is no process {pid}", "It may have ended", "Give the pid of a running server"
        )
    tree = ProcessTree(pid, there.start_ticks)
    if "memory" not in tree.read():
        raise UsageError(
            f"What process {pid} holds cannot be read",
            "It belongs to another user",
            "Run the harness as the user of the server, or name its control group (--cgroup)",
        )
    return tree


def control_group(directory: Path) -> ControlGroup:
    """Return this control group; raise UsageError if its memory cannot be read."""
    group = ControlGroup(directory)
    if "memory" not in group.read():
        raise UsageError(
            f"{directory} is not a control group whose memory can be read",
            "There is no memory.stat in it that says `anon` (cgroup version 2)",
            "Give a directory below /sys/fs/cgroup",
        )
    return group


def read_process(pid: int) -> dict[str, float]:
    """Return what one process alone holds."""
    held: dict[str, float] = {}
    place = Path(f"/proc/{pid}")
    if (memory := memory_of(pid)) is not None:
        held["memory"] = memory
    with suppress(OSError):
        held["threads"] = float(len(os.listdir(place / "task")))  # noqa: PTH208 - a fifth of the time
    with suppress(OSError):
        files = [_link(f"/proc/{pid}/fd/{name}") for name in os.listdir(place / "fd")]  # noqa: PTH208
        held["open_files"] = float(len(files))
        held["connections"] = float(sum(name.startswith("socket:") for name in files))
    return held


def memory_of(pid: int) -> float | None:
    """Return the anonymous memory of one process alone; None when it cannot be read."""
    with suppress(OSError):
        if anonymous := _ANONYMOUS.search(Path(f"/proc/{pid}/smaps_rollup").read_bytes()):
            return float(anonymous[1]) * 1024
    return None


def _link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - as text
    except OSError:  # closed just now
        return ""


def _together(readings: Iterable[Mapping[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for reading in readings:
        for name, value in reading.items():
            total[name] = total.get(name, 0.0) + value
    return total
