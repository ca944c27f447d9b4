"""One nightly at a time in a directory of runs: two would measure each other.

The lock is the kernel's: it is gone with the process that holds it, however that ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from harness.foundation.errors import UsageError
from harness.run_directory.disk_space import blame

NAME: Final = ".nightly.lock"


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """While the body runs, no other nightly runs into `root`; a UsageError if one does already."""
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (root / NAME).open("a+", encoding="ascii")
    except OSError as error:
        raise blame(error) or UsageError(
            f"Cannot write to {root}", error.strerror or str(error), "Give a writable directory with --out"
        ) from error
    with file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UsageError(
                f"Another harness nightly runs in {root}",
                f"Process {file.read(20).strip() or '(unknown)'} runs it; two at the same time would disturb each other",
                "Try again when it has ended, or use another machine",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
