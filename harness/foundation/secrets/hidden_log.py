"""Logs without secrets: those that a process of ours writes as it goes on, and those of others when they have ended.

    begin()                 from now on every line of this process's log
    ended_clean(directory)  around a run: what others have written into its directory, logs and a journal, when it has ended

A server that a run starts writes its own log, line by line; what it says of a secret is there, for us alone to read, until the
run ends.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from harness.foundation.secrets.hiding import hide

THEIRS: Final = ("*.log", "journal.json")
PIECE: Final = 1 << 20


class _Hiding(logging.Formatter):
    """What another formatter makes of a record, its traceback too."""

    def __init__(self, other: logging.Formatter) -> None:
        super().__init__()
        self._other = other

    def format(self, record: logging.LogRecord) -> str:
        return hide(self._other.format(record))


def begin() -> None:
    """For all handlers that the process has now."""
    for handler in logging.getLogger().handlers:
        if not isinstance(handler.formatter, _Hiding):
            handler.setFormatter(_Hiding(handler.formatter or logging.Formatter()))


@contextmanager
def ended_clean(directory: Path) -> Iterator[None]:
    """However the body ends, nobody writes there any more; what cannot be read is somebody else's, and stays."""
    try:
        yield
    finally:
        clean(directory)


def clean(directory: Path) -> None:
    """All that others have written."""
    for pattern in THEIRS:
        for path in directory.glob(pattern):
            with suppress(OSError):
                _clean(path)


def _clean(path: Path) -> None:
    if not path.is_file() or path.is_symlink() or not any(hide(text) != text for text in _texts(path)):
        return
    aside = path.with_name(f".{path.name}.partial")
    with aside.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        for text in _texts(path):
            file.write(hide(text))
    aside.chmod(0o600)
    aside.replace(path)


def _texts(path: Path) -> Iterator[str]:
    """The file in pieces that end with a line."""
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        while text := file.read(PIECE):
            yield text + file.readline()
