"""The machine: its processors, its limits, the default ports of commands, the directory for reports."""

import os
import platform
import resource
import sys
from pathlib import Path

from harness.doctor.finding import DoctorFinding
from harness.services.processes.ports import is_taken

OPEN_FILES_WANTED = 4096
PORTS = {
    8000: ("harness serve", "harness serve --port 0"),
    8089: ("Locust's web page", "locust --web-port 8090 ..."),
    5557: ("Locust's master", "locust --master --master-bind-port 5667 ..."),
    8474: ("Toxiproxy", "harness toxiproxy start --port 0"),
}


def system() -> DoctorFinding:
    """Check the system: ending children with us needs features that only Linux has."""
    name = f"{platform.system()} {platform.release()} ({platform.machine()})"
    if sys.platform == "linux" and hasattr(os, "pidfd_open"):
        return DoctorFinding("system", "good", name)
    return DoctorFinding(
        "system", "missing", name, "the harness ends what it starts by means of Linux 5.4 or newer"
    )


def processors() -> DoctorFinding:
    """Check how many processors we may use, also by the control group's limit."""
    count, limit = len(os.sched_getaffinity(0)), _cpu_limit()
    usable = min(float(count), limit) if limit else float(count)
    text = f"{count}" + (f", of which a limit leaves {limit:g}" if limit and limit < count else "")
    if usable >= 2:
        return DoctorFinding("processors", "good", text)
    why = "load generator and server share one, so a run measures both; test a server elsewhere with --url"
    return DoctorFinding("processors", "warning", text, why)


def _cpu_limit(path: Path = Path("/sys/fs/cgroup/cpu.max")) -> float | None:
    try:
        quota, period = path.read_text(encoding="ascii").split()
        return int(quota) / int(period)
    except (OSError, ValueError):  # "max" is no number, and no limit
        return None


def open_files() -> DoctorFinding:
    """Check the limit of open files: each user needs one for its connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    limit = "unlimited" if soft == unlimited else str(soft)
    if soft == unlimited or soft >= OPEN_FILES_WANTED:
        return DoctorFinding("open files", "good", limit)
    wanted = OPEN_FILES_WANTED * 4
    purpose = "every user holds a connection; a thousand users need a few thousand"
    if hard == unlimited or hard >= OPEN_FILES_WANTED:
        todo = f"ulimit -n {wanted if hard == unlimited else min(wanted, hard)}"
    else:
        todo = f"ask an administrator to raise the limit of {hard} (nofile in /etc/security/limits.conf)"
    return DoctorFinding("open files", "warning", limit, purpose, todo)


def ports() -> list[DoctorFinding]:
    """Check the default ports; a taken one stops only the command that uses it, since runs use free ports."""
    return [_port(number, *about) for number, about in PORTS.items()]


def _port(number: int, owner: str, otherwise: str) -> DoctorFinding:
    if is_taken(number):
        return DoctorFinding(
            f"port {number}", "warning", f"taken; {owner} wants it by default", "", otherwise
        )
    return DoctorFinding(f"port {number}", "good", f"free for {owner}")


def reports(out: Path) -> DoctorFinding:
    """Check that the directory for runs can be written to."""
    place = out.absolute()
    existing = next(path for path in (place, *place.parents) if path.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return DoctorFinding("reports", "good", f"can be written to {out}")
    return DoctorFinding(
        "reports",
        "missing",
        f"{existing} cannot be written to",
        "runs are kept there",
        "give another with --out DIR",
    )
