"""Where alerts may go: the console, or the address of a webhook."""

import json
from typing import Final

from harness.foundation.addresses.address import Address, AddressError, read
from harness.foundation.errors import UsageError
from harness.foundation.untrusted.documents import short

CONSOLE: Final = "console"
SHOWN_MOST: Final = 20


def hook(place: str) -> Address | None:
    """Return the address of a webhook; None for the console; raise UsageError for anything else."""
    if place == CONSOLE:
        return None
    try:
        return read(place, ("http", "https"))
    except AddressError as error:
        raise UsageError(
            f"--alert {json.dumps(short(place.partition(':')[0], SHOWN_MOST))} cannot receive alerts",
            f"It is neither `console` nor the URL of a webhook: {error}",
            "For example --alert console --alert http://127.0.0.1:9000/hook",
        ) from None
