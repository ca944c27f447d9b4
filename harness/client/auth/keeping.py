"""The keeper of a token, as a scenario or `--auth` asks for it; the first token is still to be asked for."""

import os
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from harness.client.auth.fetching import Fetching
from harness.client.auth.keeper import Keeper
from harness.client.auth.sources import source
from harness.foundation.addresses import resolved, unix_socket
from harness.foundation.addresses.kind import kind
from harness.foundation.addresses.route import Tls
from harness.foundation.addresses.vetting import is_number
from harness.foundation.clock import Clock
from harness.foundation.errors import UsageError
from harness.scenario.auth import Auth


def keeper_of(
    auth: Auth,
    url: str,
    headers: dict[str, str],
    tls: Tls,
    allowed_hosts: Iterable[str],
    clock: Clock,
    note: Callable[[str], None],
) -> Keeper:
    """Return who keeps the token among these headers valid; UsageError when they hold a credential already."""
    if any(name.lower() == "authorization" for name in headers):
        raise UsageError(
            "There are two credentials: --auth (target.auth), and the header Authorization",
            "Every request carries one only",
            "Leave out the header (or the user in the URL), or auth",
        )
    theirs = Tls(ca=tls.ca, insecure=tls.insecure)
    fetching = Fetching(tuple(allowed_hosts), os.environ, theirs, here=is_here(url))
    return Keeper(source(auth, url, fetching, clock), auth.source, clock, headers, note, auth.renew)


def is_here(url: str) -> bool:
    """Whether the server is on this machine: by the addresses that were vetted, or at a socket in the file system."""
    if unix_socket.path(url):
        return True
    host = urlsplit(url).hostname or ""
    addresses = resolved.of(host) or ((host,) if is_number(host) else ())
    return bool(addresses) and all(kind(address)[0] == "loopback" for address in addresses)
