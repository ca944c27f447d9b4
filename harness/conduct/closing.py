"""The end of a run, when nothing of it runs any more: sealed, read, written; each as far as there is room for it.

What finds no room is told, and makes the exit code that of a run that is unknown at best. The reading itself needs none: of
spools that could not be sealed it is made in memory. Whoever asked for the run shows it on standard output.
"""

import asyncio
import shlex
import shutil
from collections.abc import Callable

from harness.conduct.live import live_json
from harness.conduct.run_values import FinishedRun, RunContext
from harness.foundation.errors import FAULTS_LEFT_OVER, INTERRUPTED, HarnessError, NoRoomError, worst
from harness.report import read_run, write_reading
from harness.run_directory import checksums, disk_space
from harness.run_directory.samples import seal


async def close(run: RunContext, reason: str, error: HarnessError | None) -> FinishedRun:
    """The run as it ended."""
    directory, progress = run.directory, run.progress
    run.asked.leaving.reporting = True
    if not directory.path.is_dir():
        raise error if isinstance(error, NoRoomError) else disk_space.gone(directory.path)
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
    return FinishedRun(directory.path, reading.summary, code, reading)


def _seal(run: RunContext) -> NoRoomError | None:
    """The samples whole, and the spools gone; without room the spools stay."""
    directory = run.directory
    try:
        seal(directory.spool, directory.samples)
        shutil.rmtree(directory.spool)
        checksums.write(directory.path)
        live_json.take_down(directory)
    except Exception as trouble:
        if (found := disk_space.blame(trouble, directory.path)) is None:
            raise
        return found
    return None


async def _attempt(run: RunContext, doing: Callable[[], None]) -> NoRoomError | None:
    try:
        await asyncio.to_thread(doing)
    except Exception as trouble:
        if (found := disk_space.blame(trouble, run.directory.path)) is None:
            raise
        return found
    return None


def _unread(run: RunContext, trouble: Exception) -> BaseException:
    """What was measured stays where it is, and is read when there is room."""
    found = disk_space.blame(trouble, run.directory.path)
    if found is None or not run.directory.path.is_dir():
        return found or trouble
    return NoRoomError(
        f"The run cannot be read: {found.what}", found.why, f"When there is room: {_again(run)}"
    )


def _elsewhere(run: RunContext) -> str:
    return f"When there is room: {_again(run)}; elsewhere: {_again(run)} --out DIR"


def _again(run: RunContext) -> str:
    return f"harness report {shlex.quote(str(run.directory.path))}"
