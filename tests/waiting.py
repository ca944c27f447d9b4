"""What tests wait for: that something is so, by a deadline that holds on a machine that stands still for seconds."""

import socket
import subprocess
import time
from collections.abc import Callable

WITHIN_S = 120.0


def until(there: Callable[[], object], within_s: float = WITHIN_S) -> None:
    deadline = time.monotonic() + within_s
    while not there():
        assert time.monotonic() < deadline, f"not within {within_s:g} s"
        time.sleep(0.05)


def until_nothing(left: Callable[[], object]) -> None:
    """Until nothing is there any more; what is left by the deadline is told."""
    deadline = time.monotonic() + WITHIN_S
    while found := left():
        assert time.monotonic() < deadline, f"left after {WITHIN_S:g} s: {found}"
        time.sleep(0.05)


def for_port(port: int, process: "subprocess.Popen[bytes] | None" = None) -> None:
    """Until somebody listens there; whoever is to do that must not end."""

    def listening() -> bool:
        assert process is None or process.poll() is None, f"nothing listens on {port}: its process has ended"
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", port)) == 0

    until(listening)
