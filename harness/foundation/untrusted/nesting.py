"""JSON of somebody else's, as plain values: of no more bytes and no more levels than whoever walks through it can bear.

    value(data, BYTES)      the value; ValueError when it is none, too large, or nested too deep
    of_file(path)           that of a file
    is_deep(data)           whether brackets are nested beyond a bound, however deep the stack is that this is called from

Whoever writes such a text decides how deep it is, and Python ends somewhere near a thousand levels, sooner for who stands deep
already: it is measured before it is read. `documents` reads what users write, and is stricter.

It is used in the janitor too, so it imports the standard library only.
"""

import json
import re
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

LEVELS_MOST: Final = 50
FILE_BYTES_MOST: Final = 64 << 20
_TEXTS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # one without an end goes on to the end
_STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
PEELS: Final = 20


def value(data: bytes | bytearray | str, bytes_most: int, levels_most: int = LEVELS_MOST) -> Any:
    """What it stands for."""
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
    """What a file stands for; no more of it is read. OSError as usual."""
    with path.open("rb") as file:
        return value(file.read(bytes_most + 1), bytes_most)


def is_deep(data: bytes | bytearray, most: int) -> bool:
    """Brackets in texts are none."""
    if data.count(b"[") + data.count(b"{") <= most:
        return False
    left = data.translate(None, _NO_BRACKETS)
    for _ in range(PEELS):  # of what is no deeper than usual nothing is left
        left = left.replace(b"[]", b"").replace(b"{}", b"")
        if len(left) < most:
            return False
    brackets = _TEXTS.sub(b"", data).translate(None, _NO_BRACKETS)
    return max(accumulate(map(_STEPS.__getitem__, brackets), initial=0)) > most
