"""The parts of a run as the kernel knows them: memory, descriptors and threads of each, and what is on disk.

A part is a process that descends from the harness, PostgreSQL's are one together. Memory is what a process has for itself
(anonymous PSS, and what of it was swapped out): a leak is there, and not in the pages of programs, which come and go with the
machine's cache. What processes share (PostgreSQL's buffers) is told apart: it fills as the buffers are used, and has a bound.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
NAMES: Final = (
    ("postgres", re.compile(r"postgres")),
    ("toxiproxy", re.compile(r"toxiproxy")),
    ("janitor", re.compile(r"janitor")),
    ("target", re.compile(r"harness\.reference")),
    ("master", re.compile(r"distributed\.master")),
    ("worker", re.compile(r"distributed\.local")),
)
HARNESS: Final = "harness"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one part has at one moment."""

    memory_mb: float
    shared_mb: float
    files: int
    threads: int


def parts_of(harness: int) -> dict[str, list[int]]:
    """The processes of each part, by its name."""
    children: dict[int, list[int]] = {}
    for place in PROC.glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(place.name))
    found: dict[str, list[int]] = {HARNESS: [harness]}
    waiting = [(pid, "") for pid in children.get(harness, [])]
    while waiting:
        pid, of = waiting.pop()
        name = of or _name(pid)
        if name:
            found.setdefault(name, []).append(pid)
        waiting += [(child, name) for child in children.get(pid, [])]
    return found


def seen(pids: list[int]) -> Seen | None:
    """All processes of a part together; None when one is gone meanwhile (PostgreSQL's come and go)."""
    all_of_it = [one for pid in pids if (one := _one(pid)) is not None]
    if not all_of_it:
        return None
    return Seen(
        round(sum(one.memory_mb for one in all_of_it), 2),
        round(sum(one.shared_mb for one in all_of_it), 2),
        sum(one.files for one in all_of_it),
        sum(one.threads for one in all_of_it),
    )


def bytes_under(place: Path, *, without: str = "") -> int:
    """What a directory takes, but for one of its own."""
    total = 0
    for path, names, files in os.walk(place):
        names[:] = [name for name in names if name != without]
        for file in files:
            try:
                total += (Path(path) / file).lstat().st_blocks * 512
            except OSError:
                continue
    return total


def data_of(pids: list[int]) -> Path | None:
    """Where that PostgreSQL keeps its data."""
    for pid in pids:
        try:
            return (PROC / str(pid) / "cwd").readlink()
        except OSError:
            continue
    return None


def _name(pid: int) -> str:
    try:
        line = (PROC / str(pid) / "cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""
    return next((name for name, pattern in NAMES if pattern.search(line)), "")


def _one(pid: int) -> Seen | None:
    place = PROC / str(pid)
    try:
        memory = (place / "smaps_rollup").read_text()
        own_kb, shared_kb = sum(_numbers(memory, "Pss_Anon", "SwapPss")), sum(_numbers(memory, "Pss_Shmem"))
        (threads,) = _numbers((place / "status").read_text(), "Threads")
        return Seen(own_kb / 1024, shared_kb / 1024, len(os.listdir(place / "fd")), threads)  # noqa: PTH208  counting
    except (OSError, ValueError):
        return None


def _numbers(text: str, *names: str) -> Iterator[int]:
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        if name in names:
            yield int(rest.split()[0])
