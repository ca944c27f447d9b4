"""Room on disk, before a run and while it goes on.

- Before anything is made: there must be room for what the plan certainly writes, else the run does not start.
  If what it probably writes does not fit, there is a warning.
- Once a second: when the room that is reserved for the end (sealing the samples, the report) shrinks, the run
  ends in order, and is reported so far; so does one whose directory is gone, or whose events cannot be
  written any more.

It does not know who fills the disk: another program's file ends a run just as its own.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.foundation.errors import NoRoomError
from harness.foundation.units import show_bytes
from harness.run_directory import disk_space
from harness.run_directory.directory import RunDirectory
from harness.run_directory.disk_space import ELSEWHERE, Free
from harness.run_directory.events import EventLog
from harness.scenario.plan.disk_estimate import FILES, KEPT_BYTES, SEALED_BYTES, SPOOLED_BYTES, needed
from harness.scenario.plan.plan import Plan

DATABASE_BYTES: Final = 80_000_000  # of the reference target, in the temporary directory
DATABASE_FILE_BYTES: Final = 17_000_000
KEPT_FILES: Final = 20
Looking = Callable[[Path], Free]


def check(plan: Plan, out: Path, *, brings_database: bool, look: Looking = disk_space.free) -> list[str]:
    """Return warnings; raise NoRoomError, before the start, if the run could not end in order."""
    want, there = needed(plan), look(out)
    _enough(out, there, want.sure, want.largest_file)
    if brings_database:
        place = Path(tempfile.gettempdir())
        _enough(place, look(place), DATABASE_BYTES, DATABASE_FILE_BYTES)
    if there.bytes < want.likely:
        has, may = show_bytes(there.bytes), show_bytes(want.likely)
        return [
            f"{out} has {has} free, and the run may write {may}: the run ends early when the disk is full"
        ]
    return []


def _enough(place: Path, there: Free, size: int, file_size: int) -> None:
    what = f"There is no room for this run in {place}"
    if there.bytes < size:
        raise NoRoomError(
            what,
            f"It needs {show_bytes(size)} of disk, and {show_bytes(there.bytes)} are free",
            _way_out(place),
        )
    if there.files is not None and there.files < FILES:
        raise NoRoomError(
            what, f"It makes about {FILES} files, and {there.files} are free (df -i)", _way_out(place)
        )
    if there.file_bytes is not None and there.file_bytes < file_size:
        raise NoRoomError(
            what,
            f"It needs files of {show_bytes(file_size)}, and none may be larger than {show_bytes(there.file_bytes)}",
            "Raise the limit: ulimit -f unlimited",
        )


def _way_out(place: Path) -> str:
    if place == Path(tempfile.gettempdir()):
        return "Free some, or name another temporary directory: TMPDIR=DIR harness ..."
    return ELSEWHERE


@dataclass(slots=True)
class Keeper:
    """Keeps room for the end of one run."""

    directory: RunDirectory
    log: EventLog
    look_at: Looking = disk_space.free

    def look(self) -> None:
        """Check the room, once a second; raise NoRoomError if the run has to end now."""
        place = self.directory.path
        if not self.log.lines.file.there():
            raise disk_space.gone(place)
        if self.log.lines.failed is not None:
            raise disk_space.blame(self.log.lines.failed, place) or NoRoomError(
                f"{self.directory.events} cannot be written", str(self.log.lines.failed), ELSEWHERE
            )
        there = self.look_at(place)
        spools = [path.stat().st_size for path in self.directory.spool.glob("*.spool")]
        sealed = sum(spools) * SEALED_BYTES // SPOOLED_BYTES
        kept = KEPT_BYTES + sealed
        if there.bytes < kept:
            raise NoRoomError(
                f"There is no room left in {place}",
                f"{show_bytes(there.bytes)} are free, and {show_bytes(kept)} are kept for the report",
                ELSEWHERE,
            )
        if there.files is not None and there.files < KEPT_FILES:
            raise NoRoomError(
                f"There is no room left in {place}",
                f"{there.files} more files can be made (df -i)",
                ELSEWHERE,
            )
        largest = max([sealed, *spools]) + KEPT_BYTES // 2
        if there.file_bytes is not None and there.file_bytes < largest:
            raise NoRoomError(
                f"There is no room left in {place}",
                f"A file may not be larger than {show_bytes(there.file_bytes)} (ulimit -f)",
                "Raise the limit: ulimit -f unlimited",
            )
