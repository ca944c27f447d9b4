"""Environment variables: those that the harness sets for itself, and those that its child processes receive.

Numeric libraries get one thread each, and Arrow uses the system's allocator. The harness needs no more. Each
thread reserves memory, and Arrow's own allocator a gigabyte; where memory is limited (ulimit -v) they would
wait for it forever, or abort. With such a limit, the C library also gets two heaps instead of eight per
processor. A server that the harness starts receives the user's variables only, not these.
"""

import os
import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

OURS: Final = {"OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
M_ARENA_MAX, HEAPS = -8, 2  # of mallopt(3)
_added: dict[str, str] = {}


def begin() -> None:
    """Set the variables in this process, before such a library is imported. Values set by the user stay."""
    for name, value in OURS.items():
        if name not in os.environ:
            os.environ[name] = _added[name] = value
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        import ctypes

        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's
        if mallopt is not None:
            mallopt(M_ARENA_MAX, HEAPS)


def for_others() -> dict[str, str]:
    """The environment without the variables that the harness added."""
    return {name: value for name, value in os.environ.items() if _added.get(name) != value}


@contextmanager
def handed_out(variables: Mapping[str, str]) -> Iterator[None]:
    """Give these variables to every process that is started in the block, and to those that such processes start."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
