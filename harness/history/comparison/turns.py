"""The order in which two sides are measured by turns, and what the target of a side is.

turns(5)    A B  B A  A B  B A  A B      pairs, each turned round: a drift falls on both sides alike
"""

import shlex
from collections.abc import Collection, Mapping
from typing import Any, Final

from harness.foundation.errors import UsageError
from harness.foundation.units import said

REFERENCE: Final = "reference"
# Keys of a scenario's target: what a side says itself, what only a command of the user's needs, what only an address has.
OF_SIDES: Final = frozenset({"url", "command", "options"})
OF_COMMANDS: Final = frozenset({"ready", "transport", "users_per_process", "env", "cwd"})
OF_ADDRESSES: Final = frozenset({"ready", "headers", "auth", "tls", "wait", "listen"})


def turns(repeats: int) -> str:
    """The sides, one letter a run."""
    return "".join("AB" if at % 2 == 0 else "BA" for at in range(repeats))


def target(text: str, of_file: Mapping[str, Any], protocol: str | None = None) -> dict[str, object]:
    """The target of a side: a URL, `reference` with options of `harness serve`, or a command.

    A command is a server that speaks over stdio; where the file says at which `url`, or when it is `ready`, it starts a server
    there. What else the file says of the target holds for both sides, as far as it goes with them.
    """
    asked = {"protocol": protocol} if protocol else {}
    if "://" in text.split(" ", 1)[0]:
        return _kept(of_file, OF_SIDES | OF_COMMANDS) | {"url": text} | asked
    words = _words(text)
    if words[0] == REFERENCE:
        return _kept(of_file, OF_SIDES | OF_COMMANDS) | {"options": words[1:]} | asked
    if of_file.get("transport") == "stdio" or not (of_file.get("url") or of_file.get("ready")):
        over = _kept(of_file, OF_SIDES | OF_ADDRESSES)
        return over | {"transport": "stdio", "command": words} | asked
    return _kept(of_file, {"command", "options"}) | {"command": words} | asked


def _kept(of_file: Mapping[str, Any], without: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in of_file.items() if key not in without}


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
