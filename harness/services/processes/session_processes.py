"""The processes of sessions over stdio, found from above: the harness knows them by the marks that workers gave them.

    MARK=/run/undo.jsonl#1a2b3c4d.7     the seventh process of that worker; its family carries the same mark

What has dropped its environment belongs to the session of its parent. They are looked for once a second, so a session
that lived for less may not be seen.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from harness.run_directory.metadata import SessionProcessFacts
from harness.services.processes import proctable, usage
from harness.services.processes.proctable import MARK, Process
from harness.services.processes.usage import Usage


def by_session() -> dict[str, list[Process]]:
    """Return the processes of sessions that descend from this process, by mark."""
    table = proctable.table()
    own = table.get(os.getpid())
    if own is None:
        return {}
    family = {each.pid: each for each in proctable.family([(own.pid, own.start_ticks)], table)}
    marks = {pid: _mark(pid) for pid in family}
    sessions: dict[str, list[Process]] = {}
    for process in family.values():
        mark, at = marks[process.pid], process
        while mark is None and at.ppid in family:
            at = family[at.ppid]
            mark = marks[at.pid]
        if mark:
            sessions.setdefault(mark, []).append(process)
    return sessions


def _mark(pid: int) -> str | None:
    """Return the mark of a session; "" for another process of ours, None when it has no mark."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    start = environment.find(f"{MARK}=".encode())
    if start < 0:
        return None
    mark = environment[start:].partition(b"\0")[0].partition(b"=")[2].decode(errors="replace")
    _, dot, number = mark.rpartition("#")[2].partition(".")
    return mark if dot and number.isdigit() else ""


@dataclass(slots=True)
class SessionMeter:
    """The resource usage of each session's processes, as far as it was seen."""

    cpu_s: dict[str, float] = field(default_factory=dict)  # by mark
    rss_bytes: dict[str, int] = field(default_factory=dict)  # the most

    def read(self) -> Usage:
        """Look once; return what all sessions have used so far, and hold now."""
        readings = []
        for mark, processes in by_session().items():
            reading = usage.of_these([process.pid for process in processes])
            self.cpu_s[mark] = max(self.cpu_s.get(mark, 0.0), reading.cpu_s)
            self.rss_bytes[mark] = max(self.rss_bytes.get(mark, 0), reading.rss_bytes)
            readings.append(reading)
        now = usage.together([usage.of_these([]), *readings])
        return Usage(now.at_s, sum(self.cpu_s.values()), now.rss_bytes, now.run_delay_s)

    def facts(self) -> SessionProcessFacts | None:
        """Return what is known of single sessions, for metadata.json; None when none was seen."""
        if not self.cpu_s:
            return None
        megabytes = [size / 1e6 for size in self.rss_bytes.values()]
        return SessionProcessFacts(
            seen=len(self.cpu_s),
            cpu_s_median=round(median(self.cpu_s.values()), 3),
            cpu_s_max=round(max(self.cpu_s.values()), 3),
            rss_mb_median=round(median(megabytes), 1),
            rss_mb_max=round(max(megabytes), 1),
        )
