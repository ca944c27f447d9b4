"""`harness plan`: print what a scenario would do."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from harness.foundation.untrusted import printable


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def command(scenario: Path, *, as_json: bool) -> int:
    """Print the timeline of a scenario and how much a run of it writes, and run nothing.

    \b
    harness plan scenarios/smoke.yaml
    """
    from harness.scenario.read import read_file

    show(read_file(scenario), str(scenario), as_json=as_json)
    return 0


def show(data: Mapping[str, Any], origin: str, *, as_json: bool) -> None:
    """Print the plan of a scenario; errors name `origin`."""
    from harness.scenario.plan.build import build
    from harness.scenario.plan.describe import describe
    from harness.scenario.read import scenario_of

    plan = build(scenario_of(data, origin))
    click.echo(printable.as_json(plan.as_json(), indent=2) if as_json else printable.lines(describe(plan)))
