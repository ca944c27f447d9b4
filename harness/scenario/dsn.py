"""The address of a service as servers are told it, in one text: where host and port stand in it, so that they can be replaced.

    postgresql+asyncpg://user:word@db:5432/shop?sslmode=require    a URL, also with jdbc: before it
    user:word@tcp(db:3306)/shop                                    Go's driver for MySQL
    host=db port=5432 user=user password=word dbname=shop          libpq's keywords
    db:6379                                                        host and port alone

Everything else in it stays as it is. No error repeats any of it: it may hold a password.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from harness.foundation.addresses.address import Address, AddressError, read

_URL = re.compile(
    r"(?P<before>(?:jdbc:)?[A-Za-z][A-Za-z0-9+.-]*://)(?P<middle>[^/?#\s]+)(?P<after>[/?#]\S*)?"
)
_GO = re.compile(
    r"(?:(?P<user>[^:\s]*)(?::(?P<word>.*))?@)?tcp\((?P<place>[^()\s]+)\)(?:/(?P<base>[^?\s]*))?(?:\?\S*)?"
)
_KEYWORD = re.compile(r"(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|[^\s']\S*)")
_KEYWORDS = re.compile(rf"\s*{_KEYWORD.pattern}(?:\s+{_KEYWORD.pattern})*\s*")
HOST, PORT, PLACE = object(), object(), object()


@dataclass(frozen=True, slots=True)
class Dsn:
    """Where a service is, by the text that a server is told."""

    address: Address = field(repr=False)
    pieces: tuple[object, ...] = field(repr=False)  # texts, and the places of host and port
    password: str = field(default="", repr=False)
    user: str = ""
    database: str = ""

    def at(self, place: str) -> str:
        """Return the text with another HOST:PORT in it."""
        host, _, port = place.rpartition(":")
        new = {HOST: host, PORT: port, PLACE: place}
        return "".join(new.get(piece, "") if not isinstance(piece, str) else piece for piece in self.pieces)


def read_dsn(text: str, port: int | None) -> Dsn:
    """Read it; `port` is what a text without one means. ValueError says what is wrong, and repeats nothing."""
    if url := _URL.fullmatch(text):
        return _url(url, port)
    if go := _GO.fullmatch(text):
        before, after = text[: go.start("place")], text[go.end("place") :]
        address = _address(go["place"], port)
        return Dsn(address, (before, PLACE, after), go["word"] or "", go["user"] or "", go["base"] or "")
    if _KEYWORDS.fullmatch(text):
        return _keywords(text, port)
    return Dsn(_address(text, port), (PLACE,))


def _url(match: re.Match[str], port: int | None) -> Dsn:
    user, at, place = match["middle"].rpartition("@")
    after = match["after"] or ""
    address = _address(place, port, match["before"].removeprefix("jdbc:").removesuffix("://"))
    parts = urlsplit(after)
    parameters = dict(parse_qsl(parts.query))
    name, _, word = user.partition(":")
    return Dsn(
        Address(address.scheme, address.host, address.port, parts.path, parts.query, user),
        (match["before"] + user + at, PLACE, after),
        unquote(word) or parameters.get("password", ""),
        unquote(name) or parameters.get("user", ""),
        unquote(parts.path.strip("/")),
    )


def _keywords(text: str, port: int | None) -> Dsn:
    pieces: list[object] = []
    values: dict[str, str] = {}
    end = 0
    for match in _KEYWORD.finditer(text):
        name = match[1].lower()
        value = match[2]
        values[name] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith("'") else value
        if name in {"host", "hostaddr", "port"}:
            pieces += [text[end : match.start(2)], PORT if name == "port" else HOST]
            end = match.end(2)
    pieces.append(text[end:])
    if "port" not in values:
        pieces += [" port=", PORT]
    host = values.get("hostaddr") or values.get("host") or ""
    place = host if "port" not in values else f"{host}:{values['port']}"
    query = f"sslmode={values['sslmode']}" if "sslmode" in values else ""
    address = _address(place, port)
    return Dsn(
        Address("", address.host, address.port, "", query),
        tuple(pieces),
        values.get("password", ""),
        values.get("user", ""),
        values.get("dbname", ""),
    )


def _address(place: str, port: int | None, scheme: str = "") -> Address:
    """Read HOST[:PORT]."""
    try:
        address = read(f"tcp://{place}", ("tcp",))
    except AddressError as error:
        raise ValueError(f"where its host and port should be: {error}") from None
    if address.user or address.path or address.query:
        raise ValueError("it is neither a URL, nor HOST:PORT, nor host=... port=...")
    if address.port is None and port is None:
        raise ValueError("it has no port")
    return Address(scheme.lower(), address.host, address.port or port)
