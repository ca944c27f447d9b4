"""A file of JSON objects, one a line: what it says, and which lines cannot be read.

A line is damaged when it is not UTF-8, not JSON, no object, or has a key twice, NaN or Infinity (which are no JSON).
A last line without its newline is torn: the writer was killed in mid-write. That is no damage, and it is left out.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.foundation.untrusted import nesting

NAMED_MOST: Final = 3


@dataclass(frozen=True, slots=True)
class Lines:
    """The objects of a file in order, and the numbers (from 1) of the lines that are none."""

    name: str
    objects: tuple[Mapping[str, Any], ...] = ()
    damaged: tuple[int, ...] = ()
    unread: bool = False  # something is there, and it is no file

    def why(self) -> list[str]:
        """A sentence on the damaged lines, if there are any."""
        if self.unread:
            return [f"{self.name} is no file"]
        if not self.damaged:
            return []
        named = ", ".join(map(str, self.damaged[:NAMED_MOST]))
        more = f" and {len(self.damaged) - NAMED_MOST} more" if len(self.damaged) > NAMED_MOST else ""
        which = f"line {named}" if len(self.damaged) == 1 else f"lines {named}{more}"
        return [f"{which} of {self.name} cannot be read"]


def read_lines(path: Path) -> Lines:
    """Every line of a file; a file that is not there has none."""
    if not path.is_file():
        return Lines(path.name, unread=os.path.lexists(path))
    *whole, torn = path.read_bytes().split(b"\n")
    parsed = [parse(line) for line in whole]
    last = parse(torn)
    objects = [one for one in parsed if one is not None] + ([] if last is None else [last])
    return Lines(
        path.name, tuple(objects), tuple(number for number, one in enumerate(parsed, 1) if one is None)
    )


def parse(text: bytes) -> Mapping[str, Any] | None:
    """One object in strict JSON; None when it is anything else."""
    try:
        if nesting.is_deep(text, nesting.LEVELS_MOST):
            return None
        found = json.loads(text.decode(), parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _once(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found
