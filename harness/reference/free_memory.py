"""Free memory goes back to the system.

Results of very different sizes come and go, and leave holes in the heap of the C library. It keeps them for later: what the process
uses stays the same, and what it holds grows for hours. `give_back` returns the holes. It does nothing where the C library is
not glibc.
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
    """Takes some milliseconds; other threads go on meanwhile."""
    if _TRIM is not None:
        _TRIM(0)
