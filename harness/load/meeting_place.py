"""Where workers, and people who look at Locust's web UI, reach the master."""

import socket
from urllib.parse import urlsplit

from harness.foundation.addresses.resolved import is_this_machine
from harness.foundation.errors import UsageError
from harness.load.engine import LoadSpec
from harness.services.processes.ports import free_port

WEB_PORT = 8089  # Locust's own; another one when it is taken
ANY_HOST = ("0.0.0.0", "*", "::", "[::]")


def near(spec: LoadSpec) -> str:
    """Return the host where workers of this machine reach the master."""
    host = spec.bind.rpartition(":")[0]
    return "127.0.0.1" if not spec.expect_workers or host in ANY_HOST else host


def check_reachable(spec: LoadSpec) -> None:
    """Raise UsageError if workers of other machines would have to load an address of this machine only."""
    host = spec.bind.rpartition(":")[0].strip("[]")
    if not spec.expect_workers or is_this_machine(host):
        return
    if is_this_machine(urlsplit(spec.base_url).hostname or ""):
        raise UsageError(
            "Workers on other machines cannot reach this server",
            f"{spec.base_url} is an address of this machine only (so is every link that a fault is planned on)",
            "Give --url with an address that they reach, and --allow-host",
        )


def check_free(bind: str) -> None:
    """Raise UsageError if we cannot listen at the address where workers join."""
    host, _, port = bind.rpartition(":")
    try:
        with socket.create_server((host.strip("[]") if host != "*" else "", int(port))):
            return
    except OSError as error:
        raise UsageError(
            f"Cannot listen at {bind}", error.strerror or str(error), "Give another --bind HOST:PORT"
        ) from error


def listen_for_web() -> socket.socket:
    """Return a listening socket on loopback, at Locust's usual port if that is free."""
    try:
        return socket.create_server(("127.0.0.1", WEB_PORT))
    except OSError:
        return socket.create_server(("127.0.0.1", free_port()))
