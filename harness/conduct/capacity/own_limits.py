"""How many connections this machine lets the harness hold at once: open files, and ports for connections to one address."""

import resource
from pathlib import Path
from typing import Final

from harness.foundation.errors import UsageError

SPARE: Final = 200  # files and ports beside them
PORTS: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")


def allow(connections: int, what: str) -> None:
    """Raise the limit of open files as far as needed; UsageError where this machine cannot hold so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + SPARE
    if needed > hard:
        raise UsageError(
            f"{what} need {needed:,} open files",
            f"This account may have {hard:,} (ulimit -n)",
            f"Raise the limit, or ask for {max(1, hard - SPARE):,} at most",
        )
    if soft < hard:  # the server that is started inherits it
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if needed > (ports := _ports()):
        raise UsageError(
            f"{what} need {needed:,} ports",
            f"This machine has {ports:,} for connections to one address (net.ipv4.ip_local_port_range)",
            f"Widen the range, or ask for {max(1, ports - SPARE):,} at most",
        )


def _ports() -> int:
    try:
        first, last = map(int, PORTS.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return 28_000
    return last - first + 1
