"""Messages for a user who interrupts a run: at the first Ctrl-C, and at the second, which ends it at once.

| when                         | the first                                | the second                       |
|------------------------------|------------------------------------------|----------------------------------|
| before and while there is load | the load ends, and is reported: 130      | at once: 130, how to recover it  |
| while the report is written  | it is written to its end: the run's code | the same                         |
"""

import shlex
from dataclasses import dataclass
from pathlib import Path

from harness.run_directory.directory import RunDirectory
from harness.run_directory.undo import NO_FAULTS, read_open


@dataclass(slots=True)
class Leaving:
    """The state of a run, as far as these messages need it."""

    run_dir: Path | None = None
    out: Path | None = None
    reporting: bool = False  # its load is over

    def first(self) -> str:
        if self.reporting:
            return "The load is over; writing the report (interrupt once more to quit at once)"
        return "Stopping: ending the load and writing a partial report (interrupt once more to quit at once)"

    def second(self) -> str:
        """Return the last line: the command that recovers the run, and the one that removes faults."""
        if self.run_dir is None:
            return "Quit at once: nothing was measured"
        message = f"Quit at once. To read what was measured: harness report {shlex.quote(str(self.run_dir))}"
        faults = [
            entry for entry in read_open(RunDirectory(self.run_dir).undo) if entry.what not in NO_FAULTS
        ]
        if faults and self.out is not None:
            message += f"; to remove faults that may be left: harness doctor --clean --out {shlex.quote(str(self.out))}"
        return message
