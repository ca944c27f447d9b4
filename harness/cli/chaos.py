"""`harness chaos`: a Chaos Toolkit experiment, under load."""

from pathlib import Path
from typing import Any

import click

from harness.cli.options import DURATION, POSITIVE_DURATION, USERS, scenario_data, shared
from harness.cli.sections import Sectioned
from harness.units import duration_s


@click.command(cls=Sectioned)
@click.argument("experiment", type=click.Path(path_type=Path))
@click.option("--users", type=USERS, default=5, show_default=True, help="Users, all the time.")
@click.option(
    "--before",
    type=POSITIVE_DURATION,
    default="15s",
    show_default=True,
    help="Steady load before the experiment: what is normal.",
)
@click.option(
    "--after", type=DURATION, default="10s", show_default=True, help="How long recovery is observed."
)
@click.option(
    "--most",
    type=POSITIVE_DURATION,
    default="15m",
    show_default=True,
    help="The longest the whole run may take.",
)
@click.option("--steered", type=int, hidden=True)
@shared
def command(**given: Any) -> int:
    """Run a Chaos Toolkit experiment while users make load, and say what it did to them.

    Its actions and probes are those of harness.faults.toolkit; see the files in chaos/. The same files work with
    `chaos run FILE`, which starts the load by itself.

    \b
    harness chaos chaos/slow-network.yaml
    harness chaos chaos/target-restart.yaml --users 20 --slo 'recovery < 10s after deploy'
    """
    from harness.cli.conducting import conduct
    from harness.conduct.experiment import Steered
    from harness.scenario.experiment import read_experiment

    steered = Steered(
        read_experiment(given["experiment"]),
        before_s=duration_s(given["before"]),
        after_s=duration_s(given["after"]),
        telling=given["steered"],
    )
    sustain = {"users": given["users"], "for": given["most"]}
    base = {"name": "chaos", "load": [{"name": "steady", "sustain": sustain}]}
    return conduct("chaos", scenario_data(given, base), given, steered=steered)
