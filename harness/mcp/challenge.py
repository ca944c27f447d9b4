"""What a server that answers 401 asks for: the challenges of WWW-Authenticate (RFC 9110, section 11).

    Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource", scope="mcp"
    Basic realm="staff", Bearer

A text that breaks the grammar gives the challenges before the break. It is foreign text: whoever shows a part of it
makes it printable.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

CHARS_MAX: Final = 8_192
CHALLENGES_MAX: Final = 16
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SCHEME = re.compile(rf"[\s,]*(?P<scheme>{_WORD})(?=$|[\s,])")
_PARAMETER = re.compile(
    rf"[\s,]*(?P<name>{_WORD})\s*=\s*(?:\"(?P<quoted>(?:[^\"\\]|\\.)*)\"|(?P<plain>[^\s,\"]+))"
)
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One scheme that the server would accept; names of parameters are in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def challenges(text: str) -> tuple[Challenge, ...]:
    """The challenges of a WWW-Authenticate header, in the server's order."""
    text = text[:CHARS_MAX]
    read = list[Challenge]()
    place = 0
    while len(read) < CHALLENGES_MAX and (begun := _SCHEME.match(text, place)):
        place, parameters = begun.end(), dict[str, str]()
        while parameter := _PARAMETER.match(text, place):
            value = parameter["plain"]
            if value is None:
                value = _ESCAPED.sub(r"\1", parameter["quoted"])
            parameters.setdefault(parameter["name"].lower(), value)
            place = parameter.end()
        read.append(Challenge(begun["scheme"], parameters))
    return tuple(read)


def bearer(offered: tuple[Challenge, ...]) -> Challenge | None:
    """The challenge for a bearer token; None when the server wants something else."""
    return next((each for each in offered if each.scheme.lower() == "bearer"), None)
