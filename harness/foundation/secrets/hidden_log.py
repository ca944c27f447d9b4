"""Logs without secrets: our own processes hide them as they write; the logs of others are cleaned afterwards.

    begin()                         hide secrets in every line that this process logs from now on
    ended_clean(directory, tell)    around a run: clean the logs and the journal in its directory afterwards

A server that a run starts writes its own log. A secret in it stays there, readable by this user only, until
the run ends. If there is no room for a clean copy of a log, the log is cut before its first secret, and
`tell` says so.
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
    """A formatter that hides secrets in what another formatter returns, including the traceback."""

    def __init__(self, other: logging.Formatter) -> None:
        super().__init__()
        self._other = other

    def format(self, record: logging.LogRecord) -> str:
        return hide(self._other.format(record))


def begin() -> None:
    """Hide secrets in the output of all log handlers that the process has now."""
    for handler in logging.getLogger().handlers:
        if not isinstance(handler.formatter, _Hiding):
            handler.setFormatter(_Hiding(handler.formatter or logging.Formatter()))


@contextmanager
def ended_clean(directory: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Clean the logs when the block has ended, because by then no process writes to them any more."""
    try:
        yield
    finally:
        for message in clean(directory):
            tell(message)


def clean(directory: Path) -> list[str]:
    """Hide secrets in other processes' logs; one sentence per file that lost more, or may still hold one."""
    messages = []
    for pattern in THEIRS:
        for path in directory.glob(pattern):
            with suppress(OSError):
                messages += _clean(path)
    return messages


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
    """Truncate the log before its first secret, or delete it if that fails. The sentence says which."""
    size = _clean_bytes(path)
    try:
        os.truncate(path, size)
    except OSError:
        try:
            path.unlink()
        except OSError as error:
            return f"A secret may be left in {path}: it can be neither written anew ({why}) nor removed ({error.strerror})"
        return f"{path} was removed: it held a secret, and a copy without it could not be written ({why})"
    message = f"{path} was cut before its first secret: a copy without it could not be written ({why})"
    with suppress(OSError), path.open("a", encoding="utf-8") as file:
        file.write(f"[{message}]\n")
    return message


def _clean_bytes(path: Path) -> int:
    """The size in bytes of the whole lines before the first secret."""
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
    """Yield the file in pieces that end with a line."""
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        while text := file.read(PIECE):
            yield text + file.readline()
