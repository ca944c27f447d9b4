"""`harness sustain`: hold one level."""

from typing import Any

import click

from harness.cli.basic_options import POSITIVE_DURATION, USERS
from harness.cli.options import scenario_data, shared
from harness.cli.sections import Sectioned


@click.command(cls=Sectioned)
@click.option("--users", type=USERS, required=True, help="Number of users during the whole run.")
@click.option("--for", "for_", type=POSITIVE_DURATION, required=True, help="Duration of the load.")
@click.option(
    "--interval",
    type=POSITIVE_DURATION,
    default="10s",
    show_default=True,
    help="Interval at which figures are reported.",
)
@shared
def command(**given: Any) -> int:
    """Run a fixed number of users for a fixed time. Users pause between calls (--no-think: they do not).

    \b
    harness sustain --users 20 --for 5m --slo 'success_rate >= 99%'
    """
    from harness.cli.load_command import conduct

    sustain = {"users": given["users"], "for": given["for_"], "interval": given["interval"]}
    base = {"name": "sustain", "load": [{"name": "sustain", "sustain": sustain}]}
    return conduct("sustain", scenario_data(given, base), given)
