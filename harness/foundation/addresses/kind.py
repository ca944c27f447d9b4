"""Classify an IP address. Pure.

loopback     this machine
ordinary     another machine, in this network or on the Internet
delicate     link-local addresses, cloud metadata addresses (they give secrets to whoever asks), and IPv4
             addresses inside IPv6 addresses that are translated: nobody means these when they write a name
impossible   not a single machine: 0.0.0.0 and ::, multicast, broadcast, reserved
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
)  # only the network itself knows where in the address the IPv4 address is
# The first entry whose test is true decides.
_KINDS: Final[tuple[tuple[Kind, str, Callable[[Number], bool]], ...]] = (
    ("loopback", "this machine", lambda number: number.is_loopback),
    (
        "impossible",
        "where a server listens, not where it is reached",
        lambda number: number.is_unspecified or number in _THIS_NETWORK,
    ),
    ("impossible", "an address of many (multicast)", lambda number: number.is_multicast),
    (
        "delicate",
        "where a cloud gives secrets to whoever asks",
        lambda number: number in _METADATA,
    ),
    ("delicate", "translated to IPv4 by its network", lambda number: number in _NAT64_LOCAL),
    ("delicate", "a link-local address", lambda number: number.is_link_local),
    ("impossible", "a reserved address, which no machine has", lambda number: number.is_reserved),
    ("ordinary", "another machine", lambda _: True),
)


def kind(text: str) -> tuple[Kind, str]:
    """The kind of an IP address, and a description of it."""
    number = _unwrapped(ipaddress.ip_address(text.partition("%")[0]))
    inner = _inside(number)
    if inner is None:
        return next((of_inner, words) for of_inner, words, holds in _KINDS if holds(number))
    of_inner, words = kind(str(inner))
    return (of_inner, words) if of_inner == "ordinary" else ("delicate", f"translated to {inner}, {words}")


def is_public(text: str) -> bool:
    """Whether data sent to this address leaves the local networks."""
    return _unwrapped(ipaddress.ip_address(text.partition("%")[0])).is_global


def _unwrapped(number: Number) -> Number:
    """`1.2.3.4` for `::ffff:1.2.3.4`: the kernel treats them as the same address."""
    return getattr(number, "ipv4_mapped", None) or number


def _inside(number: Number) -> ipaddress.IPv4Address | None:
    """The IPv4 address to which a translator would send this IPv6 address; None when there is none."""
    if isinstance(number, ipaddress.IPv4Address):
        return None
    if number in _NAT64:
        return ipaddress.IPv4Address(int(number) & 0xFFFFFFFF)
    if number.sixtofour is not None:
        return number.sixtofour
    return number.teredo[1] if number.teredo is not None else None
