"""What a finished run looks like on a terminal."""

from pathlib import Path

import click


def show(run_dir: Path) -> None:
    """The table, the verdict, the path of the report."""
    from harness.report.reading import read
    from harness.report.registry import FORMATS

    click.echo(FORMATS["terminal"](read(run_dir)))
