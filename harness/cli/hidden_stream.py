"""Hides secrets in all that is written to standard output and standard error, tracebacks too; no line is a command of a CI.

with hidden_streams():
    ...                     sys.stdout and sys.stderr hide what harness.foundation.secrets.hiding knows
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from harness.foundation.secrets.hiding import hide
from harness.foundation.untrusted.printable import without_commands


class HidingStream:
    """A stream that hides secrets in its text, gives a CI no orders, and otherwise is the given stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(without_commands(hide(text)))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def hidden_streams() -> Iterator[None]:
    """Hide secrets in both streams while the body runs; restore them if nobody else has replaced them."""
    out, err = sys.stdout, sys.stderr
    ours = [cast(TextIO, HidingStream(stream)) for stream in (out, err)]
    sys.stdout, sys.stderr = ours
    try:
        yield
    finally:
        if sys.stdout is ours[0]:
            sys.stdout = out
        if sys.stderr is ours[1]:
            sys.stderr = err
