"""Decode JSON from outside, with limits on its size and on how deep it is nested.

    value(data, BYTES)      the decoded value; ValueError when it is not JSON, too large, or nested too deep
    of_file(path)           the decoded value of a file
    is_deep(data, LEVELS)   whether brackets are nested deeper than LEVELS; works on any depth of stack

The author of such a text decides how deep it is nested, and Python fails near a thousand levels, or sooner if
its stack is in use already. So the depth is measured before decoding. `documents` reads what users write, and
is stricter.

Standard library only, because the janitor imports this module.
"""

import json
import re
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

LEVELS_MOST: Final = 50
FILE_BYTES_MOST: Final = 64 << 20
_TEXTS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # an unclosed string ends with the text
_STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
PEELS: Final = 20


def value(data: bytes | bytearray | str, bytes_most: int, levels_most: int = LEVELS_MOST) -> Any:
    """The decoded JSON value; ValueError when it is too large, nested too deep, or not JSON."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if len(raw) > bytes_most:
        raise ValueError(f"it is larger than {bytes_most:,} bytes")
    if is_deep(raw, levels_most):
        raise ValueError(f"it is nested more than {levels_most} levels deep")
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deep to be read from here") from None


def of_file(path: Path, bytes_most: int = FILE_BYTES_MOST) -> Any:
    """The decoded value of a JSON file; reads at most `bytes_most` + 1 bytes. OSError as usual."""
    with path.open("rb") as file:
        return value(file.read(bytes_most + 1), bytes_most)


def is_deep(data: bytes | bytearray, most: int) -> bool:
    """Whether brackets are nested deeper than `most`; brackets inside strings do not count."""
    if data.count(b"[") + data.count(b"{") <= most:
        return False
    left = data.translate(None, _NO_BRACKETS)
    for _ in range(PEELS):  # after this, nothing is left of a text of usual depth
        left = left.replace(b"[]", b"").replace(b"{}", b"")
        if len(left) < most:
            return False
    brackets = _TEXTS.sub(b"", data).translate(None, _NO_BRACKETS)
    return max(accumulate(map(_STEPS.__getitem__, brackets), initial=0)) > most
