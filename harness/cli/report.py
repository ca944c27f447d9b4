"""`harness report`: an old run, read again."""

import json
from pathlib import Path

import click


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
    summary = write_all(directory.path)
    if as_json:
        click.echo(json.dumps(summary))
    else:
        show(directory.path)
    return int(summary["exit_code"])
