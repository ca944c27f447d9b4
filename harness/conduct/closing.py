"""The end of a run, when nothing of it runs any more: sealed, read, written; each as far as there is room for it.

What finds no room is told, and makes the exit code that of a run that is unknown at best. The reading itself needs none: of
spools that could not be sealed it is made in memory. Whoever asked for the run shows it on standard output.
"""

import asyncio
import shlex
import shutil
from collections.abc import Callable

from harness.conduct.asked import Finished, Run
from harness.errors import FAULTS_LEFT_OVER, INTERRUPTED, HarnessError, NoRoomError, worst
from harness.live import board
from harness.record import checksums, room
from harness.record.samples import seal
from harness.report import read_run, write_reading


async def close(run: Run, reason: str, error: HarnessError | None) -> Finished:
    """The run as it ended."""
    directory, progress = run.directory, run.progress
    run.asked.leaving.reporting = True
    if not directory.path.is_dir():
        raise error if isinstance(error, NoRoomError) else room.gone(directory.path)
    unwritten = await asyncio.to_thread(_seal, run)
    try:
        reading = await asyncio.to_thread(read_run, directory.path)
    except Exception as trouble:
        raise _unread(run, trouble) from trouble
    unwritten = await _attempt(run, lambda: write_reading(reading, directory.path)) or unwritten
    code = worst(int(reading.summary.exit_code), *([INTERRUPTED] if reason == "interrupted" else []))
    if error is not None:
        progress.note(str(error))
        code = worst(code, error.exit_code)
    if unwritten is not None:
        progress.note(f"The report is not complete: {unwritten.what}\n{unwritten.why}\n{_elsewhere(run)}")
        code = worst(code, unwritten.exit_code)
    if left := run.left():
        progress.note(f"Left over: {', '.join(sorted({one.what for one in left}))} (see {directory.undo})")
        progress.note(f"When it answers again: harness doctor --clean --out {run.asked.out}")
        code = worst(code, FAULTS_LEFT_OVER)
    return Finished(directory.path, reading.summary, code, reading)


def _seal(run: Run) -> NoRoomError | None:
    """The samples whole, and the spools gone; without room the spools stay."""
    directory = run.directory
    try:
        seal(directory.spool, directory.samples)
        shutil.rmtree(directory.spool)
        checksums.write(directory.path)
        board.take_down(directory)
    except Exception as trouble:
        if (found := room.blame(trouble, directory.path)) is None:
            raise
        return found
    return None


async def _attempt(run: Run, doing: Callable[[], None]) -> NoRoomError | None:
    try:
        await asyncio.to_thread(doing)
    except Exception as trouble:
        if (found := room.blame(trouble, run.directory.path)) is None:
            raise
        return found
    return None


def _unread(run: Run, trouble: Exception) -> BaseException:
    """What was measured stays where it is, and is read when there is room."""
    found = room.blame(trouble, run.directory.path)
    if found is None or not run.directory.path.is_dir():
        return found or trouble
    return NoRoomError(
        f"The run cannot be read: {found.what}", found.why, f"When there is room: {_again(run)}"
    )


def _elsewhere(run: Run) -> str:
    return f"When there is room: {_again(run)}; elsewhere: {_again(run)} --out DIR"


def _again(run: Run) -> str:
    return f"harness report {shlex.quote(str(run.directory.path))}"
