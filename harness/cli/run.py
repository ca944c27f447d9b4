"""`harness run`: run a scenario file."""

from pathlib import Path
from typing import Any

import click

from harness.cli.options import scenario_data, shared
from harness.cli.sections import Sectioned


@click.command(cls=Sectioned)
@click.argument("scenario", type=click.Path(path_type=Path))
@shared
def command(scenario: Path, **given: Any) -> int:
    """Run a scenario file. Options on the command line override the file.

    \b
    harness run scenarios/smoke.yaml
    harness run scenarios/smoke.yaml --url http://127.0.0.1:8000/mcp
    """
    from harness.cli.load_command import conduct
    from harness.scenario.read import read_file

    return conduct("run", scenario_data(given, read_file(scenario)), given, source=str(scenario))
