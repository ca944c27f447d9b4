"""Programs of the system that the harness can use: where they are, and the command that gets them."""

import os
import shutil

from harness.foundation.errors import FaultBackendUnreachableError

# System programs are not on everybody's PATH.
SYSTEM_PLACES = ("/usr/sbin", "/sbin", "/usr/lib/rabbitmq/bin", "/opt/redis/bin", "/usr/local/sbin")


def found(*names: str) -> str | None:
    """Return the path of the first of these programs that is installed, or None."""
    places = os.pathsep.join([os.environ.get("PATH", ""), *SYSTEM_PLACES])
    return next(filter(None, (shutil.which(name, path=places) for name in names)), None)


def of_server(server: str, package: str, variable: str, *names: str) -> str:
    """Return the path of a program that our own server needs.

    `variable` can name a server of the user's instead.
    """
    if path := found(*names):
        return path
    raise FaultBackendUnreachableError(
        f"There is no {server} on this machine",
        f"{names[-1]} is not installed, and {variable} names no server",
        f"Get it: {to_get(package)}; or set {variable}",
    )


def apt_install(package: str) -> str | None:
    """Return the command that installs a Debian package; None on a system without apt-get."""
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get install -y {package}" if shutil.which("apt-get") else None


def to_get(package: str) -> str:
    """Return the command that installs a package, or a general hint on a system without apt-get."""
    return apt_install(package) or f"install {package} as your system does"
