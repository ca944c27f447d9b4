"""Standard output and standard error that never raise: they may be closed or full, and we must end in order.

    with guarded() as output:       writing never raises
        code = ...
    output.code(code)               the exit code, changed if the output was lost
A closed pipe (`harness runs | head -1`), or a closed stream (`>&-`), does not change the exit code. If the
system refuses to write (`> /dev/full`), the result is lost: that is reported, and is no pass. Text that
cannot be written to standard error is lost, and changes nothing.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import Any, TextIO

from harness.foundation.errors import PASSED, UNKNOWN

HUNG_UP = (errno.EPIPE, errno.EBADF)


class Forgiving(FileIO):
    """A stream of the process; text that it cannot write is lost, and `failed` says why."""

    failed: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or len(data)
        except OSError as error:
            self.failed = self.failed or error
            return len(data)


@dataclass(frozen=True, slots=True)
class Output:
    """Standard output, after all was written."""

    raw: Forgiving | None

    def code(self, code: int) -> int:
        """Return the exit code: a pass becomes unknown if it could not be written."""
        error = self.raw.failed if self.raw is not None else None
        if error is None or error.errno in HUNG_UP:
            return code
        lines = (
            "Error: The result could not be written",
            error.strerror or str(error),
            "Redirect standard output to a place with free space",
        )
        sys.stderr.write("\n  ".join(lines) + "\n")
        return UNKNOWN if code == PASSED else code


@contextmanager
def guarded() -> Iterator[Output]:
    """Guard both streams, for the rest of the process."""
    _occupy()
    sys.stderr, _ = _forgiving(sys.stderr)
    sys.stdout, raw = _forgiving(sys.stdout)
    try:
        yield Output(raw)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _occupy() -> None:
    """Open closed standard streams as /dev/null, else the next opened file would take their number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one


def _forgiving(stream: TextIO | None) -> tuple[TextIO, Forgiving | None]:
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8"), None  # noqa: PTH123 - it is there to the end
    stream.flush()
    raw = Forgiving(stream.fileno(), "w", closefd=False)
    text = TextIOWrapper(
        BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.isatty() or stream is sys.stderr,
    )
    return text, raw
