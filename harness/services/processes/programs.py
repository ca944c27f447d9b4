"""Programs of the system that the harness can use: where they are, and the command that gets them."""

import os
import shutil

from harness.foundation.errors import FaultBackendUnreachableError

# System programs are not on everybody's PATH.
SYSTEM_PLACES = ("/usr/sbin", "/sbin", "/usr/lib/rabbitmq/bin", "/opt/redis/bin", "/usr/local/sbin")


def found(*names: str) -> str | None:
    """The path of the first that is there."""
    places = os.pathsep.join([os.environ.get("PATH", ""), *SYSTEM_PLACES])
    return next(filter(None, (shutil.which(name, path=places) for name in names)), None)


def of_server(server: str, package: str, variable: str, *names: str) -> str:
    """The path of a program that a server of our own needs; `variable` could name a server of the user's instead."""
    if path := found(*names):
        return path
    raise FaultBackendUnreachableError(
        f"There is no {server} on this machine",
        f"{names[-1]} is not installed, and {variable} names no server",
        f"Get it: {to_get(package)}; or set {variable}",
    )


def apt_install(package: str) -> str | None:
    """The command that gets a Debian package; None where there are none."""
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get install -y {package}" if shutil.which("apt-get") else None


def to_get(package: str) -> str:
    """The command that gets a package of that name, or as much of it as can be known here."""
    return apt_install(package) or f"install {package} as your system does"
