"""`harness report`: read an earlier run again."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.foundation.errors import INTERRUPTED, PASSED, UsageError, worst
from harness.foundation.untrusted import printable
from harness.run_directory.directory import RunDirectory

if TYPE_CHECKING:
    from harness.report.reading import Reading

# The formats of harness.report.registry, which is slow to import for a help text; a test compares the two.
FORMATS = ("terminal", "json", "html", "junit", "markdown", "csv", "hdr")


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "name",
    type=click.Choice(FORMATS),
    default="terminal",
    show_default=True,
    help="Format to print.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write the report's files to this directory, and leave the run itself as it is.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object: --format json.")
def command(run: Path, *, name: str, out: Path | None, as_json: bool) -> int:
    """Read a run again: numbers, verdict, every file of its report. A run that was cut off is recovered.

    A run that is read only, or whose disk is full, is shown all the same; --out writes its report elsewhere.

    \b
    harness report reports/ramp/latest
    harness report reports/ramp/latest --format markdown    for a comment on a change
    harness report reports/ramp/latest --format hdr         an HDR histogram log, for its tools
    harness report reports/ramp/latest --out /tmp/report    if the disk is full
    """
    from harness.cli.output import show
    from harness.report import read_run
    from harness.run_directory import private_files
    from harness.run_directory.directory import find

    private_files.begin()
    directory = find(run)
    _refuse_while_running(directory)
    if out is not None:
        _make_room(out, directory)
    try:
        reading = replace(read_run(directory.path, touch=out is None), put_in=out)
        code = _write(reading, directory, out)
    except KeyboardInterrupt:
        message = f"The report is not complete. It is written by: harness report {run}"
        click.echo(printable.lines(message), err=True)
        return INTERRUPTED
    show(reading, "json" if as_json else name)
    return worst(int(reading.summary.exit_code), code)


def _write(reading: "Reading", directory: RunDirectory, out: Path | None) -> int:
    """Write the report's files; return the exit code: a read-only run passes, lack of room does not."""
    from harness.report import write_reading
    from harness.run_directory import disk_space

    try:
        write_reading(reading, out or directory.path)
    except (OSError, MemoryError) as error:
        cause = disk_space.blame(error, out or directory.path)
        if cause is None and isinstance(error, OSError):  # a directory stands where a file is to be
            raise UsageError(
                "The files of the report cannot be written",
                f"{error.strerror}: {error.filename2 or error.filename}",
                f"Write them elsewhere: harness report {directory.path} --out DIR",
            ) from error
        if cause is None:
            raise
        lines = (f"The files of the report were not written: {cause.what}", cause.why)
        todo = f"Write them elsewhere: harness report {directory.path} --out DIR"
        click.echo(printable.lines("\n  ".join((*lines, todo))), err=True)
        read_only = isinstance(error, OSError) and error.errno in disk_space.CLOSED
        return PASSED if read_only and out is None else cause.exit_code
    return PASSED


def _make_room(out: Path, directory: RunDirectory) -> None:
    """Make the directory; refuse one that belongs to another run."""
    from harness.run_directory.disk_space import blame

    try:
        if (out / "metadata.json").exists() and out.resolve() != directory.path:
            raise UsageError(
                f"{out} is the directory of another run",
                "Its own report would be lost",
                "Give another directory",
            )
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise blame(error) or UsageError(
            f"Cannot write to {out}", error.strerror or str(error), "Give a writable directory with --out"
        ) from error


def _refuse_while_running(directory: RunDirectory) -> None:
    """Raise UsageError if the run still goes on: reading would seal the spools that it writes."""
    from harness.run_directory.event_kinds import RunEnded
    from harness.run_directory.events import read_events
    from harness.run_directory.undo import owner_alive

    ended = any(isinstance(event, RunEnded) for event in read_events(directory.events))
    if not ended and owner_alive(directory.undo):
        raise UsageError(
            f"{directory.path} is still running", "Its samples are being written", "Read it when it has ended"
        )
