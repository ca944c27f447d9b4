"""The route to the server under test: whom its clients trust and who they are (TLS), and by which proxy they go.

    with in_force(Route(tls=Tls(ca="ca.pem"), proxy=proxy_of(url, os.environ))):     # in the conductor

A proxy is named by the usual variables (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, in either case), and never used for
this machine. The harness sends every request to the server by this route, and so do the load workers.
"""

import ipaddress
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from harness.foundation.addresses.address import Address, AddressError, read, same
from harness.foundation.addresses.kind import kind
from harness.foundation.errors import UsageError

PROXY_PORT: Final = 3128
INSECURE: Final = (
    "Warning: --insecure: certificates are not checked. Whoever stands between here and the server can read and change "
    "everything, credentials included."
)
SECURE: Final = frozenset({"https", "wss"})
SPOKEN: Final = SECURE | {"http", "ws"}


@dataclass(frozen=True, slots=True)
class Tls:
    """Whom to trust: this machine's own authorities, or those of a file; the client's certificate; or trust anybody."""

    ca: str = ""
    cert: str = ""
    key: str = field(default="", repr=False)
    insecure: bool = False

    def context(self, make: Callable[[int], ssl.SSLContext] = ssl.SSLContext) -> ssl.SSLContext:
        """The context for connections; `make` is gevent's in a worker. OSError when a file cannot be used."""
        context = make(ssl.PROTOCOL_TLS_CLIENT)
        context.set_alpn_protocols(["http/1.1"])
        if self.ca:
            context.load_verify_locations(self.ca)
        elif not self.insecure:
            context.load_default_certs()
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.cert:
            context.load_cert_chain(self.cert, self.key or None, password=_no_password)
        return context

    def check(self) -> None:
        """Raise UsageError if a file is not there, or is not what it should be."""
        for option, path in (("--cacert", self.ca), ("--cert", self.cert), ("--key", self.key)):
            if path:
                _check_readable(option, path)
        try:
            self.context()
        except (ssl.SSLError, ValueError, OSError) as error:
            files = ", ".join(path for path in (self.ca, self.cert, self.key) if path)
            reason = getattr(error, "reason", None) or str(error)
            raise UsageError(
                f"These certificates cannot be used: {files}",
                f"OpenSSL says {str(reason).replace('_', ' ').lower()}",
                "They are PEM files: --cacert the authority, --cert the client's certificate, --key its key, without a password",
            ) from None


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy; `user` has its password, as it was written."""

    host: str
    port: int
    user: str = field(default="", repr=False)
    named_by: str = ""

    @property
    def origin(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Route:
    """How the server is reached."""

    tls: Tls = field(default_factory=Tls)
    proxy: Proxy | None = None


DIRECT: Final = Route()
_ROUTE: ContextVar[Route] = ContextVar("way to the server under test", default=DIRECT)


def current() -> Route:
    """The way in force."""
    return _ROUTE.get()


@contextmanager
def in_force(route: Route) -> Iterator[None]:
    """Go this way in the block, and in the tasks that are started in it."""
    token = _ROUTE.set(route)
    try:
        yield
    finally:
        _ROUTE.reset(token)


def proxy_of(url: str, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy that the environment names for this URL; None when it goes directly."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in SPOKEN or not host or _is_here(host) or _is_exempt(host, parts.port, environ):
        return None
    scheme = "https" if parts.scheme in SECURE else "http"
    for name in (f"{scheme}_proxy", "all_proxy"):
        # In upper case, HTTP_PROXY could come from a request's header Proxy: in a CGI program only.
        for variable in (name, name.upper()):
            if text := environ.get(variable, "").strip():
                return _proxy(variable, text)
    return None


def address_of(proxy: Proxy) -> Address:
    """The proxy's address, to be vetted like any other."""
    return Address("http", proxy.host, proxy.port)


def _proxy(variable: str, text: str) -> Proxy:
    try:
        place = read(text, ("http",), usual="http")
    except AddressError as error:
        raise UsageError(
            f"{variable} does not name a proxy that can be used",
            f"It is http://HOST:PORT, and not shown here, because it may hold a password: {error}",
            "Correct it, or exempt the server: NO_PROXY=HOST; proxies over TLS or SOCKS are not spoken to",
        ) from None
    return Proxy(place.host, place.port or PROXY_PORT, place.user, variable)


def _is_here(host: str) -> bool:
    if same(host) == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return kind(host)[0] == "loopback"
    except ValueError:
        return False


def _is_exempt(host: str, port: int | None, environ: Mapping[str, str]) -> bool:
    """Whether NO_PROXY lists it: a name (with all below it), a name with a port, an address, a network, or `*`."""
    listed = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    return any(
        _matches(entry.strip().lower(), same(host), port) for entry in listed.split(",") if entry.strip()
    )


def _matches(entry: str, host: str, port: int | None) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, colon, number = entry.rpartition(":")
    if colon and number.isdigit() and (name.count(":") == 0 or name.endswith("]")):
        if int(number) != port:
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").lstrip(".")
    return host == same(entry) or host.endswith(f".{entry}")


def _no_password() -> str:
    raise ValueError("the key has a password")


def _check_readable(option: str, path: str) -> None:
    try:
        with Path(path).open("rb"):
            return
    except OSError as error:
        raise UsageError(
            f"{option} {path} cannot be read", error.strerror or str(error), "Give the path of a PEM file"
        ) from None


def as_data(route: Route) -> Mapping[str, Mapping[str, object] | None]:
    """What a worker is told."""
    tls, proxy = route.tls, route.proxy
    return {
        "tls": {"ca": tls.ca, "cert": tls.cert, "key": tls.key, "insecure": tls.insecure},
        "proxy": None if proxy is None else {"host": proxy.host, "port": proxy.port, "user": proxy.user},
    }


def from_data(data: Mapping[str, Any]) -> Route:
    """The same way, in a worker."""
    proxy = data.get("proxy")
    return Route(Tls(**data.get("tls", {})), Proxy(**proxy) if proxy else None)
