"""summary.json as text, and back: the one place that knows how a result is written.

What is read and written again is the same text, byte for byte. What is no summary of this schema (a key that is missing, or
that nobody knows; a value of another kind; no JSON at all) is refused with a `DamagedError`; `glance` reads what it can of
files of other versions.
"""

from typing import Any

import msgspec

from harness.foundation.untrusted.printable import as_json
from harness.run_directory.results.summary import Summary


class DamagedError(ValueError):
    """The text is not the summary of a run; it says why."""


def as_object(summary: Summary) -> dict[str, Any]:
    """The JSON object, its keys in the order of the fields."""
    found: dict[str, Any] = msgspec.to_builtins(summary, enc_hook=_plain)
    return found


def one_line(summary: Summary) -> str:
    """For a stream."""
    return as_json(as_object(summary))


def document(summary: Summary) -> str:
    """For a file."""
    return as_json(as_object(summary), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def decode(text: str | bytes) -> Summary:
    """The result that a summary.json says."""
    try:
        return msgspec.json.decode(text, type=Summary)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DamagedError(str(error)) from error


def _plain(value: Any) -> float:
    """A number of an array is a number."""
    if isinstance(value, float):
        return float(value)
    raise TypeError(f"{type(value).__name__} is nothing that a summary says")
