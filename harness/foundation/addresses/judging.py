"""Decide whether a run may connect to an address. Pure: names were looked up before.

- Loopback: always. A name is loopback when every address that it resolves to is.
- Ordinary addresses: when the host is allowed as it is written (`--allow-host`, `allowed_hosts`), or each
  address is.
- Delicate addresses (link-local, cloud metadata, translated ones): only when that IP address itself is
  allowed.
- Impossible addresses (0.0.0.0, multicast, reserved): never.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.foundation.addresses.address import Address, AddressError, host_of, same, shown
from harness.foundation.addresses.kind import is_public, kind
from harness.foundation.errors import HarnessError, UsageError

NAMED_MOST: Final = 4
ALLOW_HOST: Final = "--allow-host"
_PLACE: Final = re.compile(r"[\w.-]+:\d{1,5}(/[\w./-]*)?")
LOAD: Final = "Load and faults go"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An address that the run wants to connect to."""

    address: Address
    named_by: str = ""  # such as TOXIPROXY_URL; empty for the server under test
    purpose: str = LOAD
    absent: type[HarnessError] = UsageError  # the error to raise when its name cannot be resolved
    secret: bool = False  # whoever knows its path can use it, as with a webhook
    allowed_by: str = ALLOW_HOST  # the option that allows a host
    elsewhere: bool = False  # a proxy looks its name up, which need not be known here


def allowed(hosts: Iterable[str], allowed_by: str = ALLOW_HOST) -> frozenset[str]:
    """The hosts of `--allow-host` and `allowed_hosts`, in the form in which hosts are compared."""
    same_hosts = set[str]()
    for host in hosts:
        try:
            same_hosts.add(same(host_of(host)))
        except AddressError as error:
            raise UsageError(
                f"{allowed_by} {shown(host)!r} names no host",
                f"It is a name or a number alone, without scheme, port and path: {error}",
                f"For example {allowed_by} target.lab{_in_scenario(allowed_by, ': [10.0.0.7]')}",
            ) from None
    return frozenset(same_hosts)


def check(wanted: Wanted, addresses: Sequence[str], allowed_hosts: Collection[str]) -> None:
    """Raise a UsageError unless the run may connect to every address of the host."""
    host = wanted.address.host
    listed = same(host) in allowed_hosts
    foreign = []
    for address in addresses:
        sort, words = kind(address)
        if sort == "impossible":
            raise _impossible(wanted, address, words)
        if sort == "loopback" or same(address) in allowed_hosts:
            continue
        if sort == "delicate":
            raise _delicate(wanted, address, words)
        if not listed:
            foreign.append(address)
    if foreign:
        raise not_this_machine(wanted, _stands_for(host, addresses))
    if wanted.secret and wanted.address.scheme == "http" and any(map(is_public, addresses)):
        raise UsageError(
            f"{_named(wanted)} would be sent over plain HTTP",
            "Its path is a secret, and anybody on the network could read it",
            "Write it with https://",
        )


def not_this_machine(wanted: Wanted, more: str = "") -> UsageError:
    """The error for a host that was not allowed; `more` says what is known of its name."""
    host = wanted.address.host
    only = f"{wanted.purpose} to loopback addresses only, unless a host is allowed by name"
    return UsageError(
        f"{_named(wanted)} is not this machine",
        f"{more}{only}",
        f"If the server is yours to load: {_allow(wanted, host)}"
        if not wanted.named_by
        else f"If it is meant: {_allow(wanted, host)}",
    )


def unknown(wanted: Wanted, why: str) -> HarnessError:
    """The error for a host that was allowed, but whose name cannot be looked up."""
    return wanted.absent(
        f"There is no {_named(wanted)}",
        f"Its name cannot be looked up: {why}",
        "Check the name, and that it is known on this machine",
    )


def unreadable(named_by: str, text: str, why: str, example: str) -> UsageError:
    """The error for a text that is not an address."""
    # What a variable holds that is no address at all may be a password, or words that have one in them.
    named = not (named_by and text) or "//" in text or _PLACE.fullmatch(text)
    what = f"{named_by} {shown(text)!r}".strip() if named else named_by
    return UsageError(
        f"{what} is not the URL of a server", why[:1].upper() + why[1:], f"Give something like {example}"
    )


def _impossible(wanted: Wanted, address: str, words: str) -> UsageError:
    return UsageError(
        f"{_named(wanted)} is not an address of a server",
        f"{_is(wanted, address)} {words}",
        "Give the address at which the server is reached; on this machine that is 127.0.0.1",
    )


def _delicate(wanted: Wanted, address: str, words: str) -> UsageError:
    return UsageError(
        f"{_named(wanted)} is not this machine, and is refused unless it is named on purpose",
        f"{_is(wanted, address)} {words}; such an address is allowed by its number only, never by a name",
        f"If it is meant: {_allow(wanted, address)}",
    )


def _allow(wanted: Wanted, host: str) -> str:
    return f"{wanted.allowed_by} {host}{_in_scenario(wanted.allowed_by, ' in the scenario')}"


def _in_scenario(allowed_by: str, how: str) -> str:
    return f", or allowed_hosts{how}" if allowed_by == ALLOW_HOST else ""


def _named(wanted: Wanted) -> str:
    return (
        f"{wanted.address.host}, which {wanted.named_by} names," if wanted.named_by else wanted.address.host
    )


def _is(wanted: Wanted, address: str) -> str:
    host = wanted.address.host
    return "It is" if same(host) == same(address) else f"The name stands for {address},"


def _stands_for(host: str, addresses: Sequence[str]) -> str:
    if [same(each) for each in addresses] == [same(host)]:
        return ""
    few = ", ".join(addresses[:NAMED_MOST]) + (", ..." if addresses[NAMED_MOST:] else "")
    return f"It stands for {few}. "
