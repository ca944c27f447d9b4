"""`harness report`: an old run, read again."""

from pathlib import Path

import click

from harness.record.rundir import RunDirectory

# What harness.report.registry has, which is not imported for a help text; a test holds them together.
FORMATS = ("terminal", "json", "html", "junit", "markdown", "csv", "hdr")


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "name",
    type=click.Choice(FORMATS),
    default="terminal",
    show_default=True,
    help="What to print.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object: --format json.")
def command(run: Path, *, name: str, as_json: bool) -> int:
    """Read a run again: numbers, verdict, every file of its report. A run that was cut off is recovered.

    \b
    harness report reports/ramp/latest
    harness report reports/ramp/latest --format markdown    for a comment on a change
    harness report reports/ramp/latest --format hdr         an HDR histogram log, for its tools
    """
    from harness.cli.showing import show
    from harness.record.rundir import find
    from harness.report import write_all

    directory = find(run)
    _refuse_while_running(directory)
    reading = write_all(directory.path)
    show(reading, "json" if as_json else name)
    return int(reading.summary["exit_code"])


def _refuse_while_running(directory: RunDirectory) -> None:
    """Reading seals the spools, which a run that goes on still writes."""
    from harness.errors import UsageError
    from harness.record.events import RUN_ENDED, read_events
    from harness.record.undo import owner_alive

    ended = any(event.event == RUN_ENDED for event in read_events(directory.events))
    if not ended and owner_alive(directory.undo):
        raise UsageError(
            f"{directory.path} is still running", "Its samples are being written", "Read it when it has ended"
        )
