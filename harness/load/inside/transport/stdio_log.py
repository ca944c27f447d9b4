"""What stdio servers write to their error output: kept for the reader of a run, within bounds, without secrets.

    stdio-0.log     session 3: npm warn deprecated ...

Of each process the first 64 KB are kept, of all of a worker 4 MB; what is more is counted and thrown away.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from harness.foundation.untrusted.printable import printable

EACH_BYTES, ALL_BYTES = 65_536, 4_000_000
LINE_CHARS: Final = 2_000
CANNOT_START: Final = "Cannot start "  # of harness.services.processes.launch


@dataclass(slots=True)
class ErrorLog:
    """The file of one worker; without a path nothing is kept."""

    path: Path | None = None
    size: int = 0  # written
    thrown_away: int = 0  # bytes
    _file: BinaryIO | None = field(default=None, repr=False)

    def write(self, text: str) -> None:
        """Append lines; on a full disk they are lost, and the run goes on."""
        data = text.encode()
        if self.path is None or self.size + len(data) > ALL_BYTES:
            self.thrown_away += len(data)
            return
        try:
            if self._file is None:
                self._file = self.path.open("ab", buffering=0)
            self._file.write(data)
            self.size += len(data)
        except OSError:
            self.thrown_away += len(data)


class SaidOnError:
    """The error output of one process."""

    __slots__ = ("_first", "_log", "_name", "_rest", "size")

    def __init__(self, log: ErrorLog, name: str) -> None:
        self._log = log
        self._name = name
        self._rest = b""
        self._first = ""
        self.size = 0

    def take(self, chunk: bytes) -> bool:
        """Take a piece; return whether more will be kept."""
        kept = chunk[: max(0, EACH_BYTES - self.size)]
        self.size += len(chunk)
        self._log.thrown_away += len(chunk) - len(kept)
        whole, newline, self._rest = (self._rest + kept).rpartition(b"\n")
        lines = (whole + newline).decode(errors="replace").splitlines()
        if lines and not self._first:
            self._first = printable(lines[0], LINE_CHARS)
        if lines:
            self._log.write("".join(f"{self._name}: {printable(line, LINE_CHARS)}\n" for line in lines))
        return self.size < EACH_BYTES

    def not_started(self) -> str:
        """Return why the program could not be started, as the launcher says; "" when it was."""
        return self._first if self._first.startswith(CANNOT_START) else ""
