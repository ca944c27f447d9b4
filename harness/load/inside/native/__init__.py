"""The fast lane's module in C (`wire.c`), if it was compiled; without it, all of its work is done in Python.

Both give the same rows; tests hold that. `HARNESS_NATIVE=off` chooses Python. What was compiled from another source than
the one that lies beside it is not used, nor is anything but Linux served.

Standard library only: `harness doctor` asks, too, and so does what compiles it (`hatch_build.py`).
"""

import hashlib
import os
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

VARIABLE: Final = "HARNESS_NATIVE"
SOURCE: Final = Path(__file__).with_name("wire.c")
MODULE: Final = "_wire"
OFF: Final = frozenset({"off", "0", "no", "false"})
NOT_COMPILED: Final = "it was not compiled when the package was installed"
OTHER_SOURCE: Final = "it was compiled from another source"


class Choice(NamedTuple):
    """Which path the usual exchange takes, and why."""

    wire: Any  # the module in C, or None
    why_not: str = ""
    switched_off: bool = False  # by the user

    @property
    def says(self) -> str:
        """One line, for people."""
        return f"Python: {self.why_not}" if self.wire is None else "C"


def source_hash() -> str:
    """Return the hash of the source, which a module carries that was compiled from it."""
    return hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]


@cache
def chosen() -> Choice:
    """Return the choice of this process."""
    return choose(os.environ.get(VARIABLE, ""))


def choose(wanted: str) -> Choice:
    """Return the choice; `wanted` is what `HARNESS_NATIVE` says."""
    if wanted.lower() in OFF:
        return Choice(None, f"{VARIABLE}={wanted}", switched_off=True)
    if sys.platform != "linux":
        return Choice(None, "it is made for Linux")
    try:
        wire = import_module(f"{__name__}.{MODULE}")
        return Choice(wire) if source_hash() == wire.SOURCE_HASH else Choice(None, OTHER_SOURCE)
    except (ImportError, OSError):
        return Choice(None, NOT_COMPILED)
