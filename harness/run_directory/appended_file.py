"""A file that grows by whole pieces: what cannot be written whole is taken back.

    file = Appended(path)      file.write(b"a line\n")      raises, and the file is as it was
    lines = Lines(path)        lines.write("a line")        raises nothing: what finds no room waits for some

A torn piece would hide those after it. Nothing is buffered: a piece that was written outlives the process.
It is used in the janitor too, so it imports the standard library only.
"""

import os
from collections import deque
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Final

WAITING_MOST: Final = 10_000


class Appended:
    """An open file, to be added to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = FileIO(path, "a")

    def write(self, data: bytes) -> None:
        """All of it; OSError: none of it."""
        size, left = os.fstat(self._file.fileno()).st_size, memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) or 0 :]
        except OSError:
            with suppress(OSError):
                self._file.truncate(size)
            raise

    def there(self) -> bool:
        """Whether others find it under its name: one that was deleted, with its directory or alone, can still be written to."""
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
    """Lines of a file, from whoever must not trip over a full disk.

    What finds no room waits in memory, and is written before the next line that does; `failed` has the first error.
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
