"""Where the history is: the team's PostgreSQL by HARNESS_HISTORY_URL, else an embedded one of this user.

    HARNESS_HISTORY_DIR                       where the embedded one and the spool are
    $XDG_DATA_HOME/mcp-harness/history        its default (~/.local/share, or HARNESS_HOME)
    /var/lib/mcp-harness/history-...          of root, whose home `nobody` cannot reach: PostgreSQL does not run as root

The address is vetted as every other one that the harness connects to: loopback, or allowed by name.
"""

import hashlib
import os
import pwd
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness.foundation.addresses.address import AddressError, read_service
from harness.foundation.addresses.judging import Wanted, unreadable
from harness.foundation.addresses.vetting import VettedAddresses, vet
from harness.foundation.errors import ServiceError
from harness.foundation.secrets import sources
from harness.services.processes import temporary
from harness.services.toxiproxy.install import home

URL, DIRECTORY = "HARNESS_HISTORY_URL", "HARNESS_HISTORY_DIR"
SCHEMES: Final = ("postgresql", "postgres")
EXAMPLE: Final = "postgresql://user:password@127.0.0.1:5432/history"
SYSTEM: Final = Path("/var/lib/mcp-harness")


class HistoryGoneError(ServiceError):
    """The history cannot be opened: its server does not answer, refuses us, or is in use."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where the history and its spool are."""

    directory: Path
    url: str = field(default="", repr=False)  # the team's; it holds a password

    @property
    def spool(self) -> Path:
        return self.directory / "spool"

    @property
    def database(self) -> Path:
        """The directory of the embedded server."""
        return self.directory / "postgres"


def place(environ: Mapping[str, str] = os.environ) -> Place:
    """The history of this user, by the environment."""
    url = environ.get(URL, "").strip()
    sources.environment({URL: url})
    given = environ.get(DIRECTORY)
    return Place(Path(given).absolute() if given else _own(home() / "history"), url)


def vetted(where: Place, allowed_hosts: Collection[str]) -> VettedAddresses:
    """The vetted addresses of the team's server; a UsageError if it is elsewhere and was not allowed."""
    try:
        address = read_service(where.url, SCHEMES)
    except AddressError as error:
        raise unreadable(URL, where.url, str(error), EXAMPLE) from None
    if address is None:  # a socket in the file system
        return {}
    return vet([Wanted(address, URL, "The history goes", absent=HistoryGoneError)], allowed_hosts)


def _own(wanted: Path) -> Path:
    if os.geteuid() != 0:
        return wanted
    existing = next(path for path in (wanted, *wanted.parents) if path.is_dir())
    try:
        nobody = pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return wanted
    if temporary.is_reachable(existing, nobody):
        return wanted
    return SYSTEM / f"history-{hashlib.sha256(os.fsencode(wanted)).hexdigest()[:8]}"
