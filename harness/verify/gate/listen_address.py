"""Where the gate listens: [HOST:]PORT, on this machine alone unless a host is named."""

from dataclasses import dataclass
from typing import Final

from harness.foundation.addresses.address import AddressError, host_of, shown
from harness.foundation.errors import UsageError

HOST: Final = "127.0.0.1"
PORT_MOST: Final = 65_535
EXAMPLE: Final = "For example --serve 8090, or --serve 0.0.0.0:8090 for other machines"


@dataclass(frozen=True, slots=True)
class Place:
    """A host and a port; 0 takes one that is free."""

    host: str
    port: int

    def url(self, port: int) -> str:
        """As a client writes it."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{port}/"


def place_of(text: str) -> Place:
    """Parse [HOST:]PORT."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit()) or len(port) > len(str(PORT_MOST)) or int(port) > PORT_MOST:
        raise UsageError(
            f"--serve {shown(text)} is not [HOST:]PORT",
            "The port is a number up to 65535; 0 takes a free one",
            EXAMPLE,
        )
    try:
        return Place(host_of(host or HOST), int(port))
    except AddressError as error:
        raise UsageError(f"--serve {shown(text)} is not [HOST:]PORT", str(error), EXAMPLE) from None
