"""The process that serves, where verify.yaml says how it is found on this machine: by a file with its pid, or by the port of the URL."""

import os
from pathlib import Path
from typing import Final

from harness.foundation.addresses import resolved
from harness.services.processes import proctable, usage
from harness.verify.spec import backends

LISTENING: Final = "0A"
TABLES: Final = ("/proc/net/tcp", "/proc/net/tcp6")


def pid_of(declared: backends.Process, host: str, port: int) -> int | None:
    """None where it cannot be seen from here."""
    if declared.pid_file:
        return in_file(Path(declared.pid_file))
    return listening(port) if resolved.is_this_machine(host) else None


def in_file(path: Path) -> int | None:
    """The pid in a file, of a process that runs."""
    try:
        with path.open(encoding="ascii") as file:
            text = file.read(32).strip()
    except (OSError, ValueError):
        return None
    if not text.isdecimal():
        return None
    process = proctable.read(int(text))
    return process.pid if process is not None and process.alive else None


def listening(port: int) -> int | None:
    """The oldest process that listens on this port; None when it may not be seen."""
    inodes = {f"socket:[{inode}]" for table in TABLES for inode in _inodes(table, port)}
    owners = [pid for pid in proctable.table() if inodes & _sockets(pid)] if inodes else []
    return min(owners, default=None, key=_age)


def rss_bytes(pid: int) -> int:
    """Return the memory of the process and its children."""
    return usage.of_tree(pid).rss_bytes


def _age(pid: int) -> int:
    process = proctable.read(pid)
    return process.start_ticks if process is not None else 1 << 62


def _inodes(table: str, port: int) -> set[str]:
    try:
        lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return set()
    rows = [line.split() for line in lines]
    return {row[9] for row in rows if row[3] == LISTENING and int(row[1].rpartition(":")[2], 16) == port}


def _sockets(pid: int) -> set[str]:
    place = f"/proc/{pid}/fd"
    inodes = set()
    try:
        for name in os.listdir(place):  # noqa: PTH208 - as texts
            inodes.add(os.readlink(f"{place}/{name}"))  # noqa: PTH115 - as text
    except OSError:  # another user's, or gone
        pass
    return inodes
