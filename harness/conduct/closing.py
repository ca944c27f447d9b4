"""The end of a run, when none of its parts runs any more: seal, read and write it, as far as there is room.

A lack of room is reported, and makes the exit code that of an unknown run at best. Reading needs no room:
spools that could not be sealed are read in memory, and a run whose directory is gone is read from its open
files. The command shows the result on standard output.
"""

import asyncio
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace

from msgspec import structs

from harness.conduct.live import live_json
from harness.conduct.run_values import FinishedRun, RunContext
from harness.foundation.errors import FAULTS_LEFT_OVER, INTERRUPTED, HarnessError, NoRoomError, worst
from harness.report import read_run, write_reading
from harness.report.reading import Reading
from harness.run_directory import checksums, disk_space
from harness.run_directory.samples import seal


async def close(run: RunContext, reason: str, error: HarnessError | None) -> FinishedRun:
    """Seal, read and write the run; return it as it ended."""
    directory, progress = run.directory, run.progress
    run.asked.leaving.reporting = True
    if not directory.path.is_dir():
        error = error if isinstance(error, NoRoomError) else disk_space.gone(directory.path)
        reading, unwritten = await asyncio.to_thread(_reread, run, error), None
    else:
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
        _tell_left(run, [one.what for one in left])
        code = worst(code, FAULTS_LEFT_OVER)
    allowed = tuple(run.asked.scenario.allowed_hosts)
    return FinishedRun(directory.path, reading.summary, code, reading, allowed)


def _tell_left(run: RunContext, kinds: list[str]) -> None:
    """Tell what was not undone, and the command that undoes it; without undo.jsonl no command can."""
    undo, named = run.directory.undo, ", ".join(sorted(set(kinds)))
    if not undo.is_file():
        run.progress.note(f"Left over: {named}; {undo}, which says how it is undone, is gone")
        return
    run.progress.note(f"Left over: {named} (see {undo})")
    allowed = "".join(f" --allow-host {shlex.quote(host)}" for host in run.asked.scenario.allowed_hosts)
    out = shlex.quote(str(run.asked.out))
    run.progress.note(f"When it answers again: harness doctor --clean --out {out}{allowed}")


def _reread(run: RunContext, error: NoRoomError) -> Reading:
    """Read a run whose directory is gone from its files, which are still open; write nothing."""
    try:
        papers = {"metadata.json": run.written_facts(), "plan.json": run.plan.as_json()}
        with run.held.restored(papers, run.written_scenario()) as directory:
            reading = read_run(directory.path, touch=False)
    except Exception as trouble:
        raise error from trouble
    place = run.directory.path
    return replace(reading, summary=structs.replace(reading.summary, run_dir=str(place)), run_dir=place)


def _seal(run: RunContext) -> NoRoomError | None:
    """Seal the spools into samples and remove them.

    Without room the spools stay, and the error is returned.
    """
    directory = run.directory
    try:
        seal(directory.spool, directory.samples)
        shutil.rmtree(directory.spool)
        checksums.write(directory.path)
        live_json.take_down(directory)
    except Exception as trouble:
        if (cause := disk_space.blame(trouble, directory.path)) is None:
            raise
        return cause
    return None


async def _attempt(run: RunContext, doing: Callable[[], None]) -> NoRoomError | None:
    try:
        await asyncio.to_thread(doing)
    except Exception as trouble:
        if (cause := disk_space.blame(trouble, run.directory.path)) is None:
            raise
        return cause
    return None


def _unread(run: RunContext, trouble: Exception) -> BaseException:
    """Return the error for a run that cannot be read now; its data stay, to be read when there is room."""
    cause = disk_space.blame(trouble, run.directory.path)
    if cause is None or not run.directory.path.is_dir():
        return cause or trouble
    return NoRoomError(
        f"The run cannot be read: {cause.what}", cause.why, f"When there is room: {_again(run)}"
    )


def _elsewhere(run: RunContext) -> str:
    return f"When there is room: {_again(run)}; elsewhere: {_again(run)} --out DIR"


def _again(run: RunContext) -> str:
    return f"harness report {shlex.quote(str(run.directory.path))}"
