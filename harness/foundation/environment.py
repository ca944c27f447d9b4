"""The environment: what the harness adds to its own, and what the processes that it starts are given of it.

Libraries that calculate are loaded with one thread, and Arrow takes its memory where all others do. Nothing here needs more: each thread
reserves memory, Arrow's own allocator a gigabyte, and where memory is limited (ulimit -v) they wait for it without end, or abort. There
the C library gets two heaps instead of eight for each processor, too.
A server that the harness starts has what the user gave it, and nothing of that.
"""

import os
import resource
from typing import Final

OURS: Final = {"OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
M_ARENA_MAX, HEAPS = -8, 2  # of mallopt(3)
_added: dict[str, str] = {}


def begin() -> None:
    """For this process, before such a library is imported; what the user has set stays."""
    for name, value in OURS.items():
        if name not in os.environ:
            os.environ[name] = _added[name] = value
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        import ctypes

        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's
        if mallopt is not None:
            mallopt(M_ARENA_MAX, HEAPS)


def for_others() -> dict[str, str]:
    """The environment without what was added."""
    return {name: value for name, value in os.environ.items() if _added.get(name) != value}
