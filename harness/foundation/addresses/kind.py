"""What kind of place an address is the number of. Pure.

loopback     this machine
ordinary     a machine: of this network, or of the Internet
delicate     link-local addresses, those by which clouds give secrets to who asks, and IPv4 addresses inside IPv6 ones that
             a translator leads to: nobody means them by a name
impossible   no machine at all: 0.0.0.0 and ::, multicast, broadcast, reserved
"""

import ipaddress
from collections.abc import Callable
from typing import Final, Literal

Kind = Literal["loopback", "ordinary", "delicate", "impossible"]
Number = ipaddress.IPv4Address | ipaddress.IPv6Address
_METADATA: Final = frozenset(
    map(
        ipaddress.ip_address,
        ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    )
)
_THIS_NETWORK: Final = ipaddress.ip_network("0.0.0.0/8")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL: Final = ipaddress.ip_network(
    "64:ff9b:1::/48"
)  # where in it the IPv4 address is, only its network knows
# The first that holds says what it is.
_KINDS: Final[tuple[tuple[Kind, str, Callable[[Number], bool]], ...]] = (
    ("loopback", "this machine", lambda number: number.is_loopback),
    (
        "impossible",
        "where a server listens, not where it is reached",
        lambda number: number.is_unspecified or number in _THIS_NETWORK,
    ),
    ("impossible", "an address of many (multicast)", lambda number: number.is_multicast),
    ("delicate", "where a cloud gives secrets to whoever asks", lambda number: number in _METADATA),
    ("delicate", "translated to IPv4 by its network", lambda number: number in _NAT64_LOCAL),
    ("delicate", "a link-local address", lambda number: number.is_link_local),
    ("impossible", "a reserved address, which no machine has", lambda number: number.is_reserved),
    ("ordinary", "another machine", lambda _: True),
)


def kind(text: str) -> tuple[Kind, str]:
    """The kind, and in words what it is."""
    number = _unwrapped(ipaddress.ip_address(text.partition("%")[0]))
    inner = _inside(number)
    if inner is None:
        return next((found, said) for found, said, holds in _KINDS if holds(number))
    found, said = kind(str(inner))
    return (found, said) if found == "ordinary" else ("delicate", f"translated to {inner}, {said}")


def is_public(text: str) -> bool:
    """Whether what is sent there leaves the networks of its sender."""
    return _unwrapped(ipaddress.ip_address(text.partition("%")[0])).is_global


def _unwrapped(number: Number) -> Number:
    """::ffff:1.2.3.4 is 1.2.3.4: the kernel itself says so."""
    return getattr(number, "ipv4_mapped", None) or number


def _inside(number: Number) -> ipaddress.IPv4Address | None:
    """The IPv4 address that somebody between here and there makes of it."""
    if isinstance(number, ipaddress.IPv4Address):
        return None
    if number in _NAT64:
        return ipaddress.IPv4Address(int(number) & 0xFFFFFFFF)
    if number.sixtofour is not None:
        return number.sixtofour
    return number.teredo[1] if number.teredo is not None else None
