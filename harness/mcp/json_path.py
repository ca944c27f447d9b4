"""Paths into JSON, as far as people need them: `$.items[0].id`, `$['odd name']`, `$.items[-1]`, `$.items[*].id`.

A path begins with `$` (or with a name). `[*]` and `.*` stand for every element; what comes of them is a list. Filters, slices and `..` of
JSONPath (RFC 9535) are not known here, and refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

STEPS_MOST: Final = 50
_STEP = re.compile(
    r"""\.(?P<name>[^\s.\[\]*'"?()]+) | \.(?P<every>\*) | \[(?P<index>-?[0-9]{1,9})\] | \[(?P<all>\*)\]
      | \['(?P<single>[^']*)'\] | \["(?P<double>[^"]*)"\]""",
    re.VERBOSE,
)
EVERY: Final = object()
MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A path, read."""

    text: str
    steps: tuple[object, ...]  # names, indexes, EVERY

    def find(self, value: Any) -> Any:
        """Return what stands there; MISSING when nothing does. After a `*`, a list of what is there."""
        if EVERY in self.steps:
            return list(self._all(value, 0)) or MISSING
        for step in self.steps:
            value = _inside(value, step)
            if value is MISSING:
                break
        return value

    def _all(self, value: Any, at: int) -> Iterator[Any]:
        if at == len(self.steps):
            yield value
            return
        step = self.steps[at]
        if step is not EVERY:
            if (inner := _inside(value, step)) is not MISSING:
                yield from self._all(inner, at + 1)
            return
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from self._all(inner, at + 1)


def read_path(text: str) -> JsonPath:
    """Read a path; ValueError says what is wrong with it."""
    rest = text.removeprefix("$") if text.startswith("$") else f".{text}" if text[:1] not in ".[" else text
    steps: list[object] = []
    at = 0
    while at < len(rest):
        match = _STEP.match(rest, at)
        if match is None or len(steps) >= STEPS_MOST:
            raise ValueError(
                "is no path that is known here: names, [0], [-1] and [*] after $, such as $.items[0].id"
            )
        kind, text_of_part = str(match.lastgroup), str(match[str(match.lastgroup)])
        steps.append(
            EVERY if kind in {"every", "all"} else int(text_of_part) if kind == "index" else text_of_part
        )
        at = match.end()
    return JsonPath(text, tuple(steps))


def _inside(value: Any, step: object) -> Any:
    if isinstance(step, int) and isinstance(value, list):
        return value[step] if -len(value) <= step < len(value) else MISSING
    if isinstance(step, str) and isinstance(value, dict):
        return value.get(step, MISSING)
    return MISSING
