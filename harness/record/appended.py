"""A file that grows by whole pieces: what cannot be written whole is taken back.

    file = Appended(path)      file.write(b"a line\n")

A torn piece would hide those after it. Nothing is buffered: a piece that was written outlives the process.
It is used in the janitor too, so it imports the standard library only.
"""

import os
from contextlib import suppress
from io import FileIO
from pathlib import Path


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
