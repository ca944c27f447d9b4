"""Returns free memory to the system.

Results of very different sizes, and tables of rows that come and go, leave holes in the heap of the C library. It keeps them for later, so the
process's memory grows for hours although it uses no more. `give_back` returns the holes. It does nothing
where the C library is not glibc. `keep_large_apart` leaves no holes where large buffers were: each lies by itself, grows in its
place, and is returned as soon as it is free.
"""

import ctypes
from collections.abc import Callable
from typing import Any, Final

M_MMAP_THRESHOLD: Final = -3  # of mallopt(3)
LARGE_BYTES: Final = 262_144


def _found(name: str) -> Callable[..., Any] | None:
    try:
        function: Callable[..., Any] = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError):
        return None
    return function


_TRIM, _MALLOPT = _found("malloc_trim"), _found("mallopt")


def keep_large_apart() -> None:
    """Give every buffer of 256 KB and more pages of its own.

    The C library does so too, but only until the first such buffer is freed: from then on it lays those of up to 32 MB
    among all others, and fifty of them that grow together leave as many holes as they have bytes.
    """
    if _MALLOPT is not None:
        _MALLOPT(M_MMAP_THRESHOLD, LARGE_BYTES)


def give_back() -> None:
    """Return free memory; this takes some milliseconds, and other threads go on meanwhile."""
    if _TRIM is not None:
        _TRIM(0)
