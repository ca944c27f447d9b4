"""The order in which two sides are measured by turns, and what the target of a side is.

turns(5)    A B  B A  A B  B A  A B      pairs, each turned round: a drift falls on both sides alike
"""

import shlex
from collections.abc import Mapping
from typing import Any, Final

from harness.foundation.errors import UsageError
from harness.foundation.units import said

REFERENCE: Final = "reference"


def turns(repeats: int) -> str:
    """The sides, one letter a run."""
    return "".join("AB" if at % 2 == 0 else "BA" for at in range(repeats))


def target(text: str, of_file: Mapping[str, Any], protocol: str | None = None) -> dict[str, Any]:
    """The target of a side: a URL, `reference` with options of `harness serve`, or a command that starts a server.

    What the file says of headers, of an address that is ready and the like holds for both sides.
    """
    kept = {key: value for key, value in of_file.items() if key not in {"url", "command", "options"}}
    asked = {"protocol": protocol} if protocol else {}
    if "://" in text.split(" ", 1)[0]:
        kept.pop("ready", None)
        return kept | {"url": text} | asked
    words = _words(text)
    if words[0] == REFERENCE:
        kept.pop("ready", None)
        return kept | {"options": words[1:]} | asked
    also = {"url": of_file["url"]} if of_file.get("url") else {}
    return kept | also | {"command": words} | asked


def _words(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"The side {said(text)} cannot be read", str(error), "Close the quote") from error
    if not words:
        raise UsageError(
            "A side is empty",
            "Perhaps a shell variable is not set",
            f"Give a URL, a command, or {REFERENCE}",
        )
    return words
