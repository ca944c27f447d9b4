"""Logs without secrets: those that a process of ours writes as it goes on, and those of others when they have ended.

    begin()                         from now on every line of this process's log
    ended_clean(directory, tell)    around a run: what others have written into its directory, logs and a journal, when it has ended

A server that a run starts writes its own log, line by line; what it says of a secret is there, for us alone to read, until the
run ends. Where there is no room for a clean copy of a log, what comes before its first secret is all that is kept, and that is told.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import zip_longest
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
def ended_clean(directory: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """However the body ends, nobody writes there any more; what cannot be read is somebody else's, and stays."""
    try:
        yield
    finally:
        for said in clean(directory):
            tell(said)


def clean(directory: Path) -> list[str]:
    """All that others have written; a sentence on each file that lost more than its secrets, or may still have them."""
    said = []
    for pattern in THEIRS:
        for path in directory.glob(pattern):
            with suppress(OSError):
                said += _clean(path)
    return said


def _clean(path: Path) -> list[str]:
    if not path.is_file() or path.is_symlink() or not any(hide(text) != text for text in _texts(path)):
        return []
    aside = path.with_name(f".{path.name}.partial")
    try:
        with aside.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            for text in _texts(path):
                file.write(hide(text))
        aside.chmod(0o600)
        aside.replace(path)
    except OSError as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        return [_cut(path, error.strerror or str(error))]
    return []


def _cut(path: Path, why: str) -> str:
    """Without room for a clean copy, the log ends before its first secret; where that cannot be, there is none any more."""
    size = _clean_bytes(path)
    try:
        os.truncate(path, size)
    except OSError:
        try:
            path.unlink()
        except OSError as error:
            return f"A secret may be left in {path}: it can be neither written anew ({why}) nor removed ({error.strerror})"
        return f"{path} was removed: it held a secret, and a copy without it could not be written ({why})"
    said = f"{path} was cut before its first secret: a copy without it could not be written ({why})"
    with suppress(OSError), path.open("a", encoding="utf-8") as file:
        file.write(f"[{said}]\n")
    return said


def _clean_bytes(path: Path) -> int:
    """How many whole lines of it, in bytes, come before the first secret."""
    size = 0
    for text in _texts(path):
        hidden = hide(text)
        if hidden != text:
            first = next(at for at, chars in enumerate(zip_longest(text, hidden)) if chars[0] != chars[1])
            return size + len(_bytes(text[: text.rfind("\n", 0, first) + 1]))
        size += len(_bytes(text))
    return size


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _texts(path: Path) -> Iterator[str]:
    """The file in pieces that end with a line."""
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        while text := file.read(PIECE):
            yield text + file.readline()
