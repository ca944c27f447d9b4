"""Connect to the addresses that were vetted before the run, even if a name resolves to something else by now.

    with in_force(vet(...)):                            # in the conductor, and in tasks started in this block
        reader, writer = await connection("target.lab", 8000)

The vetted addresses map each host to its IP addresses. While they are in force, connections go only to them or to
this machine; any other address raises an OSError, as an unreachable one does. Where nothing was vetted
(`harness discover`, the doctor) names are looked up as usual. Load workers receive the addresses in
`LoadSpec.addresses`. If a name has several addresses, each is tried, in the system's order.
"""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from harness.foundation.addresses.address import same
from harness.foundation.addresses.kind import kind
from harness.foundation.addresses.vetting import VettedAddresses, is_number, look_up
from harness.foundation.clock import within

_VETTED: ContextVar[VettedAddresses | None] = ContextVar("addresses of the run", default=None)
_KNOCK_S: Final = 1.0
# With these schemes a certificate proves the server's name.
_PROVED: Final = frozenset({"https", "wss", "rediss", "amqps"})
PORTS: Final = {
    "https": 443,
    "postgresql": 5432,
    "postgres": 5432,
    "amqp": 5672,
    "redis": 6379,
    "mysql": 3306,
}


@contextmanager
def in_force(vetted: VettedAddresses) -> Iterator[None]:
    """Connect only to these addresses in the block, and in the tasks that are started in it."""
    token = _VETTED.set(vetted)
    try:
        yield
    finally:
        _VETTED.reset(token)


def of(host: str) -> tuple[str, ...]:
    """The vetted addresses of a host; empty when none are in force, or the host is not among them."""
    return (_VETTED.get() or {}).get(same(host), ())


async def addresses(host: str) -> tuple[str, ...]:
    """The addresses to connect to for this host; OSError when they were not vetted."""
    vetted = _VETTED.get()
    if is_number(host):
        is_vetted = vetted is None or kind(host)[0] == "loopback" or same(host) in _numbers(vetted)
    else:
        if vetted is None:
            return await asyncio.to_thread(look_up, host)
        is_vetted = same(host) in vetted
    if not is_vetted:
        raise PermissionError(
            errno.EPERM, f"{host} is not among the addresses that were checked before the run"
        )
    return (vetted or {}).get(same(host), (host,))


async def connection(
    host: str, port: int, secure: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection; certificates are checked by name. Raises the last OSError if no address answers."""
    failed: OSError = OSError(errno.EADDRNOTAVAIL, f"{host} stands for no address")
    for address in await addresses(host):
        try:
            if secure is None:
                return await asyncio.open_connection(address, port)
            return await asyncio.open_connection(address, port, ssl=secure, server_hostname=host)
        except OSError as error:
            failed = error
    raise failed


async def by_number(url: str, port: int = 80) -> str:
    """Put the vetted IP address into the URL instead of the name, for libraries that resolve names.

    The URL is unchanged if a certificate proves the name, or if it has no host. Of several addresses, the
    first that answers is used.
    """
    parts = urlsplit(url)
    if not parts.hostname or is_number(parts.hostname) or _proves_its_name(url):
        return url
    numbers = await addresses(parts.hostname)
    number = parts.port or PORTS.get(parts.scheme, port)
    address = numbers[0] if len(numbers) == 1 else await _first_there(numbers, number)
    user, at, _ = parts.netloc.rpartition("@")
    place = f"[{address}]" if ":" in address else address
    tail = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{user}{at}{place}{tail}"))


def is_this_machine(host: str) -> bool:
    """Whether every address of a host is this machine's own; so is a socket in the file system."""
    if host.lower().startswith("%2f"):
        return True
    try:
        numbers = (host,) if is_number(host) else of(host) or look_up(host)
    except (OSError, UnicodeError):
        return False
    return bool(numbers) and all(kind(address)[0] == "loopback" for address in numbers)


async def _first_there(numbers: tuple[str, ...], port: int) -> str:
    for address in numbers:
        try:
            async with within(_KNOCK_S):
                _, writer = await asyncio.open_connection(address, port)
        except OSError:
            continue
        writer.close()
        return address
    return numbers[0]


def _numbers(vetted: VettedAddresses) -> set[str]:
    return {same(address) for each in vetted.values() for address in each}


def _proves_its_name(url: str) -> bool:
    parts = urlsplit(url)
    mode = dict(parse_qsl(parts.query)).get("sslmode") or os.environ.get("PGSSLMODE", "")
    return parts.scheme in _PROVED or (parts.scheme in {"postgres", "postgresql"} and mode == "verify-full")


def family(address: str) -> socket.AddressFamily:
    """The address family of a socket to this IP address."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET
