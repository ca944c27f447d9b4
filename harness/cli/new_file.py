"""A file that a command is to write at its end: whether that can be done is known at its beginning.

Nothing is written over unless that is asked for, and what a link leads to is never written.
"""

import os
from pathlib import Path

from harness.foundation.errors import UsageError
from harness.foundation.untrusted.documents import short

ECHO_CHARS = 120


def check(out: Path, *, force: bool = False, hint: str = "") -> None:
    """Raise UsageError if there is something of that name, or nothing can be written there."""
    if os.path.lexists(out) and not force:
        raise UsageError(
            f"{short(str(out), ECHO_CHARS)} is there already",
            "Nothing is written over",
            f"Give another --out{hint}",
        )
    trial = out.with_name(f".{out.name}.trial")
    try:
        trial.touch(mode=0o600)
        trial.unlink()
    except OSError as error:
        raise cannot(out, error) from None


def cannot(out: Path, error: OSError) -> UsageError:
    """The error for a file that cannot be written."""
    return UsageError(
        f"Cannot write {short(str(out), ECHO_CHARS)}", error.strerror or str(error), "Give another --out"
    )
