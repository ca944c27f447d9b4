"""The flags of a proposed command that lead to a server, with `${NAME}` in the place of each secret.

A reference that the user wrote stays; a value that the user wrote is named after its place, such as `${MCP_PASSWORD}`.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from harness.foundation.secrets import redact
from harness.foundation.secrets.hiding import HIDDEN
from harness.foundation.secrets.sources import SECRET

_REFERENCE: Final = re.compile(r"\$\{(\w+)\}")
_SCHEMES: Final = frozenset({"bearer", "basic", "apikey"})


@dataclass(frozen=True, slots=True)
class Access:
    """The way to a server: its URL, or its command; and the headers. Secrets stand in none of them."""

    url: str = ""
    argv: Sequence[str] = ()
    headers: Mapping[str, str] | None = None

    def flags(self) -> str:
        """Return the flags, quoted for a shell."""
        at = (
            f"--command {shlex.quote(shlex.join(self.argv))}"
            if self.argv
            else f"--url {shlex.quote(self.url)}"
        )
        sent = (f"-H {shlex.quote(f'{name}: {value}')}" for name, value in (self.headers or {}).items())
        return " ".join([at, *sent])

    def names(self) -> list[str]:
        """Return the variables that have to be set."""
        texts = [self.url, *self.argv, *(self.headers or {}).values()]
        return list(dict.fromkeys(name for text in texts for name in _REFERENCE.findall(text)))


def to_url(given: str, endpoint: str, headers: Mapping[str, str]) -> Access:
    """Return the way to `endpoint`, which was found from the URL that was `given`."""
    parts = urlsplit(redact.url(endpoint))
    start = given if "://" in given else f"//{given}"
    user, _, host = urlsplit(start).netloc.rpartition("@")
    place = host if "${" in host else parts.netloc
    if user:
        name, colon, password = user.partition(":")
        user = _named(name, "MCP_USER") + (f":{_named(password, 'MCP_PASSWORD')}" if colon else "")
        place = f"{user}@{place}"
    written = dict(parse_qsl(urlsplit(start).query, keep_blank_values=True))
    query = [
        (
            key,
            _named(written.get(key, value), variable(key))
            if HIDDEN in value or SECRET.search(key)
            else value,
        )
        for key, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    url = urlunsplit(parts._replace(netloc=place, query=urlencode(query, safe="${}()")))
    return Access(url, headers={name: _header(name, value) for name, value in headers.items()})


def to_command(argv: Sequence[str]) -> Access:
    """Return the way to a server over stdio."""
    shown = redact.command_line(list(argv))
    return Access(argv=[_word(before, word) for before, word in zip(["", *shown], shown, strict=False)])


def variable(name: str) -> str:
    """Return the name of a variable for the value that stands under a name."""
    return "MCP_" + re.sub(r"\W+", "_", name.strip("-")).upper()


def _named(value: str, name: str) -> str:
    """Return a value that names variables as it is, and a reference in the place of any other."""
    return value if _REFERENCE.search(value) else f"${{{name}}}"


def _header(name: str, value: str) -> str:
    """Return the value of a header; the scheme of a credential stays."""
    if _REFERENCE.search(value) or name.lower() in redact.OPEN:
        return value
    scheme, space, _ = value.partition(" ")
    kept = f"{scheme} " if space and scheme.lower() in _SCHEMES else ""
    return f"{kept}${{{variable(name)}}}"


def _word(before: str, word: str) -> str:
    if HIDDEN not in word:
        return word
    key, _, value = word.partition("=")
    name = key if value and HIDDEN not in key else before if before.startswith("-") else "secret"
    return word.replace(HIDDEN, f"${{{variable(name)}}}")
