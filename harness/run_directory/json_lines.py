"""Read a file with one JSON object per line, and report the lines that cannot be read.

A line is damaged when it is not UTF-8, not JSON, not an object, or has a key twice, NaN or Infinity (not
JSON). A last line without a newline is incomplete: the writer was killed while it wrote. It is left out, and
is no damage.
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
    """The objects of a file in order, and the numbers (from 1) of the damaged lines."""

    name: str
    objects: tuple[Mapping[str, Any], ...] = ()
    damaged: tuple[int, ...] = ()
    unread: bool = False  # the path exists and is not a file

    def why(self) -> list[str]:
        """A sentence about the damaged lines; empty when there are none."""
        if self.unread:
            return [f"{self.name} is no file"]
        if not self.damaged:
            return []
        named = ", ".join(map(str, self.damaged[:NAMED_MOST]))
        more = f" and {len(self.damaged) - NAMED_MOST} more" if len(self.damaged) > NAMED_MOST else ""
        which = f"line {named}" if len(self.damaged) == 1 else f"lines {named}{more}"
        return [f"{which} of {self.name} cannot be read"]


def read_lines(path: Path) -> Lines:
    """Every line of a file; empty when the file does not exist."""
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
    """Parse one object in strict JSON; None when it is anything else."""
    try:
        if nesting.is_deep(text, nesting.LEVELS_MOST):
            return None
        value = json.loads(text.decode(), parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _once(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a key stands there twice")
    return members
