"""The environment: what the harness adds to its own, and what the processes that it starts are given of it.

Libraries that calculate are loaded with one thread. Nothing here needs more, each reserves memory, and where memory is limited
(ulimit -v) they wait for it without end. A server that the harness starts has what the user gave it, and nothing of that.
"""

import os
from typing import Final

OURS: Final = {"OPENBLAS_NUM_THREADS": "1"}
_added: dict[str, str] = {}


def begin() -> None:
    """For this process, before such a library is imported; what the user has set stays."""
    for name, value in OURS.items():
        if name not in os.environ:
            os.environ[name] = _added[name] = value


def for_others() -> dict[str, str]:
    """The environment without what was added."""
    return {name: value for name, value in os.environ.items() if _added.get(name) != value}
