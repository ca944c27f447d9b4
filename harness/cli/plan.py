"""`harness plan`: what a scenario would do."""

import json
from pathlib import Path

import click

from harness import printable
from harness.printable import json_without_commands


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def command(scenario: Path, *, as_json: bool) -> int:
    """Print the timeline of a scenario and how much a run of it writes, and run nothing.

    \b
    harness plan scenarios/smoke.yaml
    """
    from harness.plan.build import build
    from harness.plan.describe import describe
    from harness.scenario.read import read_file, scenario_of

    plan = build(scenario_of(read_file(scenario), str(scenario)))
    click.echo(
        json_without_commands(json.dumps(plan.as_json(), indent=2))
        if as_json
        else printable.lines(describe(plan))
    )
    return 0
