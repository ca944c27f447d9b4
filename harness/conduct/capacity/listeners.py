"""Which process of this machine listens at an address? From /proc/net/tcp and the file descriptors of processes."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from harness.conduct.capacity.holdings import ProcessTree
from harness.foundation.addresses import resolved
from harness.services.processes import proctable

LISTENS: Final = "0A"
PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}


def process_at(url: str) -> ProcessTree | None:
    """Return the process that listens there, with its children; None when it is not of this machine, or not to be seen.

    Of several processes that share the socket the one that started the others counts.
    """
    parts = urlsplit(url)
    if not resolved.is_this_machine(parts.hostname or ""):
        return None
    inodes = set(_listening(parts.port or PORTS[parts.scheme]))
    table = proctable.table()
    owners = [process for process in table.values() if inodes and inodes & set(_sockets(process.pid))]
    pids = {process.pid for process in owners}
    first = [process for process in owners if process.ppid not in pids]
    return ProcessTree(first[0].pid, first[0].start_ticks) if len(first) == 1 else None


def _listening(port: int) -> Iterator[str]:
    """The inodes of the sockets that listen on this port."""
    for name in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path(f"/proc/net/{name}").read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                    yield f"socket:[{fields[9]}]"


def _sockets(pid: int) -> Iterator[str]:
    place = Path(f"/proc/{pid}/fd")
    with suppress(OSError):
        for name in os.listdir(place):  # noqa: PTH208 - a fifth of the time
            with suppress(OSError):
                yield os.readlink(place / name)  # noqa: PTH115 - as text
