"""Make text from outside safe for a terminal or a log: a server's name, a tool's name, an error message.

Such text may hold escape sequences that clear the screen, set the window's title or hide what follows, and lines that
a CI obeys as commands (`::error::`, `##[...]`, `##vso[...]`). Whatever is written to a stream goes through here.
"""

import json
import re
from typing import Any, Final

from harness.foundation.secrets.hiding import hide

MOST: Final = 500
_COMMAND: Final = re.compile(r"^([^\S\n]*):(?=:)", re.MULTILINE)
_BRACKET: Final = re.compile(r"##(?=\[|vso\[)", re.IGNORECASE)


def printable(text: str, most: int | None = None) -> str:
    """One line without control characters; with `most`, no longer than that."""
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in hide(text))
    return shown if most is None or len(shown) <= most else f"{shown[: most - 1]}…"


def without_commands(text: str) -> str:
    """The same lines, changed so that a CI takes none of them for a command."""
    return _BRACKET.sub("# #", _COMMAND.sub(r"\1: ", text))


def as_json(value: Any, **how: Any) -> str:
    """The value as JSON for a stream: no text in it, and no name of a key, is a command of a CI."""
    return _BRACKET.sub(r"#\\u0023", json.dumps(value, **how))


def html_without_commands(text: str) -> str:
    """The same for HTML: the page looks the same, and a CI finds no command in its source."""
    return _BRACKET.sub("#&#35;", _COMMAND.sub(r"\1&#58;", text))


def lines(text: str) -> str:
    """Make lines safe to write to a stream."""
    return without_commands("\n".join(printable(line, MOST) for line in hide(text).split("\n")))
