"""Append to a file in complete pieces: a piece that cannot be written completely is removed again.

    file = Appended(path)      file.write(b"a line\n")      raises, and the file is as it was
    lines = AppendedLines(path)    lines.write("a line")    raises nothing: without room, the line waits

An incomplete piece would make those after it unreadable. Nothing is buffered, so a written piece outlives the
process. Standard library only, because the janitor imports this module.
"""

import os
from collections import deque
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Final

WAITING_MOST: Final = 10_000


class Appended:
    """An open file that only grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = FileIO(path, "a")

    def write(self, data: bytes) -> None:
        """Append all of the data; on OSError the file is as it was before."""
        size, left = os.fstat(self._file.fileno()).st_size, memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) or 0 :]
        except OSError:
            with suppress(OSError):
                self._file.truncate(size)
            raise

    def there(self) -> bool:
        """Whether the file still has its name: a deleted one can be written to, but nobody finds it."""
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._file.fileno()))
        except OSError:
            return False

    @property
    def closed(self) -> bool:
        return self._file.closed

    def close(self) -> None:
        self._file.close()


class AppendedLines:
    """A file of lines, for writers that must not fail when the disk is full.

    A line that finds no room waits in memory, and is written before the next line; `failed` has the first
    error.
    """

    def __init__(self, path: Path) -> None:
        self.file = Appended(path)
        self.failed: OSError | None = None
        self._waiting: deque[bytes] = deque(maxlen=WAITING_MOST)

    def write(self, line: str) -> None:
        self._waiting.append(line.encode() + b"\n")
        self._write()

    def close(self) -> None:
        self._write()
        self.file.close()

    def _write(self) -> None:
        try:
            while self._waiting:
                self.file.write(self._waiting[0])
                self._waiting.popleft()
        except OSError as error:
            self.failed = self.failed or error
