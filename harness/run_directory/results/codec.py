"""Encode and decode summary.json. No other module knows its format.

A file that is decoded and encoded again is the same, byte for byte. A text that does not fit the schema (a
missing or unknown key, a value of the wrong type, not JSON) is refused with a `DamagedError`; `glance` reads
what it can from files of other versions.
"""

from typing import Any

import msgspec

from harness.foundation.untrusted.printable import as_json
from harness.run_directory.results.summary import Summary


class DamagedError(ValueError):
    """The text is not the summary of a run; the message says why."""


def as_object(summary: Summary) -> dict[str, Any]:
    """The result as a JSON object, its keys in the order of the fields."""
    data: dict[str, Any] = msgspec.to_builtins(summary, enc_hook=_plain)
    return data


def one_line(summary: Summary) -> str:
    """The JSON in one line, for a stream."""
    return as_json(as_object(summary))


def document(summary: Summary) -> str:
    """The JSON with indentation, for a file."""
    return as_json(as_object(summary), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def decode(text: str | bytes) -> Summary:
    """The result in the text of a summary.json."""
    try:
        return msgspec.json.decode(text, type=Summary)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DamagedError(str(error)) from error


def _plain(value: Any) -> float:
    """A number of an array is a number."""
    if isinstance(value, float):
        return float(value)
    raise TypeError(f"{type(value).__name__} is nothing that a summary says")
