"""Parse an address that a user wrote, and refuse every ambiguous one. Pure: no name is looked up here.

Programs disagree about addresses: `127.1`, `0x7f000001`, `010.0.0.1`, a backslash, a second `@`, digits of
other scripts or a newline inside a name are one host to one program and another host to the next. An address
that could be read in two ways is refused, and the error says how to write it. The result has a scheme, a name
or IP address in lower case, and a port.
"""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, urlsplit

from harness.foundation.untrusted.documents import short

CHARS_MOST, NAME_MOST, LABEL_MOST, PORT_MOST = 8192, 253, 63, 65_535
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # the last part of an IP address in an unusual notation
_PORT = re.compile(r"[0-9]{1,5}")
# Query parameters that could name another host or port than the address itself.
_ELSEWHERE = frozenset({"host", "hostaddr", "port"})


class AddressError(ValueError):
    """The address cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Address:
    """A network address; `host` is a name in lower case, or an IP address in its usual notation."""

    scheme: str
    host: str
    port: int | None
    path: str = ""
    query: str = ""
    user: str = ""  # with its password, as it was written

    @property
    def origin(self) -> str:
        """`host:port`, with brackets around an IPv6 address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL, written again from its parts, so that every program reads it in the same way."""
        user = f"{self.user}@" if self.user else ""
        query = f"?{self.query}" if self.query else ""
        return f"{self.scheme}://{user}{self.origin}{self.path}{query}"


def read(text: str, schemes: Collection[str], *, usual: str = "") -> Address:
    """Parse an address with one of these schemes; `usual` is the scheme of an address without one."""
    _check_characters(text)
    if usual and "://" not in text:
        if "@" in text:
            raise AddressError(f"a user needs the scheme before it: {usual}://USER:PASSWORD@HOST")
        text = f"{usual}://{text}"
    try:
        parts = urlsplit(text)
    except ValueError:
        raise AddressError("its brackets hold no IPv6 address") from None
    if parts.scheme not in schemes:
        raise AddressError(f"it begins with none of {', '.join(f'{scheme}://' for scheme in schemes)}")
    user, _, place = parts.netloc.rpartition("@")
    _check_user(user)
    host, port = _divided(place)
    return Address(parts.scheme, host_of(host), _port(port), parts.path, parts.query, user)


def read_service(text: str, schemes: Collection[str]) -> Address | None:
    """Parse the address of a database or broker; None for a socket in the file system, which is local."""
    _check_characters(text)
    try:
        parts = urlsplit(text)
        if parts.scheme == "unix" and "unix" in schemes and not parts.netloc.rpartition("@")[2]:
            return None
        named = [(key, value) for key, value in parse_qsl(parts.query, True) if key.lower() in _ELSEWHERE]
    except ValueError:
        parts, named = SplitResult("", "", "", "", ""), []
    if _is_socket(parts, named):
        _check_user(parts.netloc.rpartition("@")[0])  # with two @, programs disagree where the host begins
        return None
    address = read(text, [scheme for scheme in schemes if scheme != "unix"])
    if named:
        raise AddressError(
            f"it gives its host or port twice: the parameter {named[0][0]} may name another one"
        )
    return address


def host_of(text: str) -> str:
    """Check a host, given as a name or an IP address, and return it in its usual notation."""
    if not text.isascii():  # checked first: lower() turns some other letters into ASCII
        raise AddressError(f"its host is not in ASCII{_in_ascii(text)}")
    host = text.lower()
    if not host:
        raise AddressError("it has no host")
    if "%" in host:
        raise AddressError(
            "its host has a %: write the host itself, and an IPv6 address without its zone (%eth0)"
        )
    if host.startswith("[") or ":" in host:
        return _ipv6(host)
    name = host.removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(host)
    if len(name) > NAME_MOST:
        raise AddressError(f"a name has at most {NAME_MOST} characters, this one {len(name):,}")
    for label in labels:
        if len(label) > LABEL_MOST:
            raise AddressError(
                f"a part of a name has at most {LABEL_MOST} characters, {short(label, 20)!r} {len(label):,}"
            )
        if not _LABEL.fullmatch(label):
            raise AddressError(f"{short(host, 60)!r} is no name of a host")
    return host


def same(host: str) -> str:
    """The form in which hosts are compared: `localhost` for `localhost.`, `1.2.3.4` for `::ffff:1.2.3.4`."""
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return host.lower().removesuffix(".")
    mapped = getattr(number, "ipv4_mapped", None)
    return str(mapped or number)


def shown(text: str) -> str:
    """Shorten an address for an error message, without its user, password and query (possible secrets)."""
    scheme, slashes, rest = text.rpartition("//") if text.count("//") == 1 else ("", "", text)
    before, *behind = re.split(r"[?#]", rest, maxsplit=1)
    place = "..." if "@" in "".join(behind) else before.rpartition("@")[2]
    return short(f"{scheme}{slashes}{place}", 120)


def _check_characters(text: str) -> None:
    if not text:
        raise AddressError("it is empty")
    if len(text) > CHARS_MOST:
        raise AddressError(f"it has {len(text):,} characters; {CHARS_MOST:,} are the most")
    for char in text:
        if char.isspace() or not char.isprintable():
            raise AddressError(f"it holds a space or a control character (U+{ord(char):04X})")
    if "\\" in text:
        raise AddressError("it holds a backslash")


def _check_user(user: str) -> None:
    if "@" in user:
        raise AddressError("it has more than one @; write those of a user or a password as %40")
    if "[" in user or "]" in user:
        raise AddressError("its user or password has a bracket; write it as %5B or %5D")
    if not user.isascii():
        raise AddressError("its user or password is not written in ASCII; write such letters as %XX")


def _divided(place: str) -> tuple[str, str | None]:
    """Split into host and port; neither is checked yet."""
    if place.startswith("["):
        host, bracket, rest = place.partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise AddressError("its brackets hold no IPv6 address")
        return host + bracket, rest[1:] if rest else None
    if place.count(":") > 1:
        raise AddressError("an IPv6 address stands in brackets: http://[::1]:8000")
    host, colon, port = place.partition(":")
    return host, port if colon else None


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    if not _PORT.fullmatch(text) or not 0 < int(text) <= PORT_MOST:
        # The text is not shown: if a password holds a slash, this is a part of the password.
        raise AddressError(f"its port is not a number from 1 to {PORT_MOST}")
    return int(text)


def _ipv4(host: str) -> str:
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise AddressError(
            f"{short(host, 60)!r} is no IPv4 address of four decimal numbers, such as 127.0.0.1"
        ) from None


def _ipv6(host: str) -> str:
    if host.startswith("[") != host.endswith("]"):
        raise AddressError("its brackets hold no IPv6 address")
    try:
        return str(ipaddress.IPv6Address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        raise AddressError(f"{short(host, 60)!r} is no IPv6 address") from None


def _is_socket(parts: SplitResult, named: list[tuple[str, str]]) -> bool:
    """Whether the URL names a socket in the file system: `postgresql:///name?host=/var/run/postgresql`."""
    place = parts.netloc.rpartition("@")[2]
    hosts = [value for key, value in named if key in {"host", "hostaddr"}]
    return not place and len(hosts) == 1 and hosts[0].startswith("/") and "," not in hosts[0]


def _in_ascii(host: str) -> str:
    """A hint for the error message: the name in ASCII; empty when it has no such form."""
    try:
        written = host.lower().encode("idna").decode()
    except UnicodeError:
        return ""
    return f"; if you mean {short(written, 60)}, write that"
