"""A URL's endpoint, and a socket to it: name lookup, connection and TLS within one deadline.

A name whose addresses the run has vetted is not looked up again: connections use these addresses in rotation.
The Host header and the certificate check use the name.
"""

import errno
import functools
import itertools
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

import gevent
import gevent.socket
import gevent.ssl

from harness.foundation.addresses.address import same

VETTED: Final[dict[str, tuple[str, ...]]] = {}  # by host; a process loads for one run
_turns = itertools.count()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The endpoint of a URL, in the forms that the protocol needs."""

    secure: bool
    host: str
    port: int
    host_header: str
    target: str

    @classmethod
    def of(cls, url: str) -> "Endpoint":
        parts = urlsplit(url)
        secure = parts.scheme in {"https", "wss"}
        host = parts.hostname or ""
        if not host.isascii():
            host = host.encode("idna").decode()
        shown = f"[{host}]" if ":" in host else host
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(
            secure,
            host,
            parts.port or (443 if secure else 80),
            f"{shown}:{parts.port}" if parts.port else shown,
            quote(target, safe="%/:=&?~+!$,;'@()*[]"),
        )


def connect(place: Endpoint, deadline_ns: int) -> gevent.socket.socket:
    """Return a connected socket; raise OSError (TimeoutError after the deadline) when that fails."""
    left_s = max((deadline_ns - time.monotonic_ns()) / 1e9, 0.001)
    with gevent.Timeout(left_s, TimeoutError("no connection in time")):
        sock = _opened(place)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if place.secure:
                sock = _tls().wrap_socket(sock, server_hostname=place.host)
        except BaseException:
            sock.close()
            raise
    return sock


def _opened(place: Endpoint) -> gevent.socket.socket:
    addresses = VETTED.get(same(place.host)) if VETTED else None
    if not addresses:
        return gevent.socket.create_connection((place.host, place.port))
    first = next(_turns) % len(addresses)
    failed = OSError(errno.EADDRNOTAVAIL, "there is no address")
    for address in (*addresses[first:], *addresses[:first]):
        try:
            return gevent.socket.create_connection((address, place.port))
        except TimeoutError:  # the deadline of the call covers all addresses
            raise
        except OSError as error:
            failed = error
    raise failed


@functools.cache
def _tls() -> ssl.SSLContext:
    """Return the TLS context; it is made once, as reading the machine's certificates takes a while."""
    context: ssl.SSLContext = gevent.ssl.SSLContext(
        ssl.PROTOCOL_TLS_CLIENT
    )  # create_default_context is not gevent's
    context.load_default_certs()
    return context
