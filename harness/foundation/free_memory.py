"""Returns free memory to the system.

Results of very different sizes, and tables of rows that come and go, leave holes in the heap of the C library. It keeps them for later, so the
process's memory grows for hours although it uses no more. `give_back` returns the holes. It does nothing
where the C library is not glibc.
"""

import ctypes
from collections.abc import Callable
from typing import Any


def _found() -> Callable[[int], Any] | None:
    try:
        trim: Callable[[int], Any] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return None
    return trim


_TRIM = _found()


def give_back() -> None:
    """Return free memory; this takes some milliseconds, and other threads go on meanwhile."""
    if _TRIM is not None:
        _TRIM(0)
