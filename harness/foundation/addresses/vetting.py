"""Look up and judge every address of a run once, before anything starts. No connection is opened here."""

import ipaddress
import os
import socket
from collections.abc import Callable, Iterable, Mapping

from harness.foundation.addresses.address import same
from harness.foundation.addresses.judging import ALLOW_HOST, Wanted, allowed, check, not_this_machine, unknown

LookUp = Callable[[str], tuple[str, ...]]
VettedAddresses = Mapping[
    str, tuple[str, ...]
]  # host, in the form in which hosts are compared -> the IP addresses to connect to


def look_up(host: str) -> tuple[str, ...]:
    """The IP addresses of a name, in the system's order; OSError when it cannot be resolved."""
    entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in entries))


def vet(
    wanted: Iterable[Wanted],
    allowed_hosts: Iterable[str],
    ask: LookUp = look_up,
    allowed_by: str = ALLOW_HOST,
) -> VettedAddresses:
    """Look up each host once; an error when one cannot be resolved, or the run may not connect to it."""
    listed = allowed(allowed_hosts, allowed_by)
    vetted: dict[str, tuple[str, ...]] = {}
    for each in wanted:
        host = same(each.address.host)
        if host not in vetted:
            try:
                vetted[host] = (host,) if is_number(host) else ask(each.address.host)
            except OSError as error:
                why = why_unknown(error)
                if host not in listed:
                    raise not_this_machine(each, f"Its name cannot be looked up ({why}). ") from None
                if not each.elsewhere:
                    raise unknown(each, why) from None
                vetted[host] = ()
        check(each, vetted[host], listed)
    return vetted


def is_number(host: str) -> bool:
    """Whether a host is already an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def why_unknown(error: OSError) -> str:
    """The resolver's error message."""
    known = error.errno is not None and error.errno > 0 and not error.strerror
    return os.strerror(error.errno or 0) if known else error.strerror or str(error) or "no answer"
