"""What a process has used of the machine, from /proc.

- `cpu_s` counts its threads, dead ones too, and for a tree also children that have ended and were waited for,
  so it never falls while the tree lives. The kernel counts it in hundredths of a second.
- `rss_bytes` counts pages that are resident; pages that a tree shares are counted once for each process.
- `run_delay_s` is the time its living threads were runnable and waited for a processor.

A process that is gone used nothing: callers that need to tell ask whether it lives.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.foundation.clock import RealClock
from harness.foundation.units import NS_PER_S
from harness.services.processes import proctable


@dataclass(frozen=True, slots=True)
class Usage:
    """One reading: totals since the process started, and what it holds now."""

    at_s: float  # on the monotonic clock: the difference of two readings is what counts
    cpu_s: float
    rss_bytes: int
    run_delay_s: float


def of_process(pid: int) -> Usage:
    """Return the usage of one process alone."""
    return _sum([pid], with_children=False)


def of_tree(pid: int | None) -> Usage:
    """Return the usage of a process, its session and all their descendants."""
    process = proctable.read(pid) if pid else None
    if process is None:
        return _sum([], with_children=True)
    members = proctable.family([(process.pid, process.start_ticks)], proctable.table())
    return _sum([member.pid for member in members], with_children=True)


def of_these(pids: Iterable[int]) -> Usage:
    """Return the usage of these processes, and of those of their children that have ended and were waited for."""
    return _sum(pids, with_children=True)


def together(readings: Sequence[Usage]) -> Usage:
    """Return the sum of the readings of several process trees."""
    return Usage(
        at_s=max(one.at_s for one in readings),
        cpu_s=sum(one.cpu_s for one in readings),
        rss_bytes=sum(one.rss_bytes for one in readings),
        run_delay_s=sum(one.run_delay_s for one in readings),
    )


def _sum(pids: Iterable[int], *, with_children: bool) -> Usage:
    cpu_ticks = rss_pages = delay_ns = 0
    for pid in pids:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        fields = [int(field) for field in stat.rpartition(")")[2].split()[1:]]
        cpu_ticks += sum(fields[10:14] if with_children else fields[10:12])
        rss_pages += fields[20]
        delay_ns += _run_delay_ns(pid)
    return Usage(
        at_s=RealClock().now_ns() / NS_PER_S,
        cpu_s=cpu_ticks / _system("SC_CLK_TCK"),
        rss_bytes=rss_pages * _system("SC_PAGE_SIZE"),
        run_delay_s=delay_ns / NS_PER_S,
    )


def _run_delay_ns(pid: int) -> int:
    """Return the run delay of all threads of a process, in ns; 0 where the kernel does not provide it."""
    total, place = 0, f"/proc/{pid}/task"
    try:
        threads = os.listdir(place)  # noqa: PTH208 - pathlib raises in between when the process ends
    except OSError:
        return 0
    for thread in threads:
        try:
            total += int(Path(f"{place}/{thread}/schedstat").read_text(encoding="ascii").split()[1])
        except OSError:  # a thread that ended just now
            continue
    return total


@cache
def _system(name: str) -> int:
    return os.sysconf(name)
