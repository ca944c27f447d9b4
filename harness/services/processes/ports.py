"""Ports on this machine for our own parts.

A free port is taken from outside the range that the kernel gives to outgoing connections. Inside it, a client
that reconnects while its server is away may be given the server's own port, and then the server cannot come
back (or the client connects to itself).
"""

import errno
import secrets
import socket
from contextlib import suppress
from pathlib import Path

LOWEST = 10_240  # below are the ports of known services
_TRIES = 200
_LISTENING = "0A"  # as /proc/net/tcp writes the state


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on now; another program may still take it first."""
    low, high = _outgoing_range()
    for _ in range(_TRIES):
        number = LOWEST + secrets.randbelow(65_535 - LOWEST)
        if not low <= number <= high and not is_taken(number, host):
            return number
    with socket.create_server((host, 0)) as listener:  # the kernel's own range covers all but everything
        return int(listener.getsockname()[1])


def is_taken(number: int, host: str = "127.0.0.1") -> bool:
    """Whether a program listens on the port."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
        return False


def listens(pid: int, number: int) -> bool:
    """Whether exactly this process listens on the port; the kernel identifies the socket by its inode."""
    sockets = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
                columns = line.split()
                if columns[3] == _LISTENING and int(columns[1].rpartition(":")[2], 16) == number:
                    sockets.add(f"socket:[{columns[9]}]")
    held = set()
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                held.add(str(entry.readlink()))
    return not sockets.isdisjoint(held)


def _outgoing_range() -> tuple[int, int]:
    try:
        text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
    except OSError:
        return 32_768, 60_999
    low, high = text.split()
    return int(low), int(high)
