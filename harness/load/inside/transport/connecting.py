"""A URL's endpoint, and a socket to it: name lookup, connection, a proxy's tunnel and TLS within one deadline.

A name whose addresses the run has vetted is not looked up again: connections use these addresses in rotation.
The Host header and the certificate check use the name. By way of a proxy, plain HTTP names the whole URL in each request;
TLS and WebSockets go through a tunnel (CONNECT). An endpoint may be a Unix socket.
"""

import errno
import functools
import itertools
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit

import gevent
import gevent.socket
import gevent.ssl

from harness.foundation.addresses import tunnel, unix_socket
from harness.foundation.addresses.address import same
from harness.foundation.addresses.route import DIRECT, SECURE, Proxy, Route, Tls

# A process loads for one run:
VETTED: Final[dict[str, tuple[str, ...]]] = {}  # addresses by host
ROUTES: Final[list[Route]] = [DIRECT]  # how the server is reached; the last one is in force
_turns = itertools.count()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The endpoint of a URL, in the forms that the protocol needs."""

    secure: bool
    host: str
    port: int
    host_header: str
    target: str
    unix: str = ""  # the path of its socket
    before: str = ""  # what stands before each target: for a proxy, scheme and host
    proxy: Proxy | None = field(default=None, repr=False)
    tunnelled: bool = False

    @classmethod
    def of(cls, url: str) -> "Endpoint":
        unix, url = unix_socket.path(url), unix_socket.plain(url)
        proxy = None if unix else ROUTES[-1].proxy
        parts = urlsplit(url)
        secure = parts.scheme in SECURE
        tunnelled = proxy is not None and parts.scheme != "http"
        host = parts.hostname or ""
        if not host.isascii():
            host = host.encode("idna").decode()
        shown = f"[{host}]" if ":" in host else host
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host_header = f"{shown}:{parts.port}" if parts.port else shown
        return cls(
            secure,
            host,
            parts.port or (443 if secure else 80),
            host_header,
            quote(target, safe="%/:=&?~+!$,;'@()*[]"),
            unix,
            f"http://{host_header}" if proxy is not None and not tunnelled else "",
            proxy,
            tunnelled,
        )

    @property
    def login(self) -> tuple[tuple[str, str], ...]:
        """The header for a proxy that is told the whole URL, and has a user."""
        if self.proxy is None or self.tunnelled:
            return ()
        return tunnel.login(self.proxy)


def connect(place: Endpoint, deadline_ns: int) -> gevent.socket.socket:
    """Return a connected socket; raise OSError (TimeoutError after the deadline) when that fails."""
    left_s = max((deadline_ns - time.monotonic_ns()) / 1e9, 0.001)
    with gevent.Timeout(left_s, TimeoutError("no connection in time")):
        if place.unix:
            return _at_path(place.unix)
        sock = _opened(place)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if place.proxy is not None and place.tunnelled:
                _tunnel(sock, place.proxy, place)
            if place.secure:
                sock = _tls(ROUTES[-1].tls).wrap_socket(sock, server_hostname=place.host)
        except BaseException:
            sock.close()
            raise
    return sock


def _at_path(path: str) -> gevent.socket.socket:
    sock = gevent.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock


def _tunnel(sock: gevent.socket.socket, proxy: Proxy, place: Endpoint) -> None:
    """Have the proxy connect us; OSError when it refuses. A byte at a time: what follows its head is the server's."""
    sock.sendall(tunnel.request(proxy, place.host, place.port))
    head = b""
    while not head.endswith(tunnel.END):
        byte = sock.recv(1)
        if not byte or len(head) > tunnel.HEAD_BYTES_MAX:
            raise ConnectionResetError(errno.ECONNRESET, "the proxy ended the connection")
        head += byte
    tunnel.check(head)


def _opened(place: Endpoint) -> gevent.socket.socket:
    host, port = (place.host, place.port) if place.proxy is None else (place.proxy.host, place.proxy.port)
    addresses = VETTED.get(same(host)) if VETTED else None
    if not addresses:
        return gevent.socket.create_connection((host, port))
    first = next(_turns) % len(addresses)
    failed = OSError(errno.EADDRNOTAVAIL, "there is no address")
    for address in (*addresses[first:], *addresses[:first]):
        try:
            return gevent.socket.create_connection((address, port))
        except TimeoutError:  # the deadline of the call covers all addresses
            raise
        except OSError as error:
            failed = error
    raise failed


@functools.cache
def _tls(tls: Tls) -> ssl.SSLContext:
    """Return the TLS context; it is made once, as reading the machine's certificates takes a while."""
    return tls.context(gevent.ssl.SSLContext)  # create_default_context is not gevent's
