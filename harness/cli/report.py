"""`harness report`: an old run, read again."""

import json
from pathlib import Path

import click

from harness.record.rundir import RunDirectory


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
def command(run: Path, *, as_json: bool) -> int:
    """Read a run again: numbers, verdict, report.html. A run that was cut off is recovered.

    \b
    harness report reports/ramp/latest
    """
    from harness.cli.showing import show
    from harness.record.rundir import find
    from harness.report import write_all

    directory = find(run)
    _refuse_while_running(directory)
    summary = write_all(directory.path)
    if as_json:
        click.echo(json.dumps(summary))
    else:
        show(directory.path)
    return int(summary["exit_code"])


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
