"""`harness ramp`: add users in steps until the success rate falls."""

from typing import Any

import click

from harness.cli.basic_options import DURATION, POSITIVE_DURATION, SHARE, USERS
from harness.cli.options import scenario_data, shared
from harness.cli.sections import Sectioned


@click.command(cls=Sectioned)
@click.option("--max", "to", type=USERS, required=True, help="Number of users at the last step.")
@click.option("--step", type=USERS, default=5, show_default=True, help="Number of users added at each step.")
@click.option(
    "--hold", type=POSITIVE_DURATION, default="10s", show_default=True, help="Duration of each step."
)
@click.option(
    "--requests-per-user",
    type=USERS,
    help="End a step after this many calls of each user, instead of after --hold.",
)
@click.option(
    "--break-below",
    type=SHARE,
    default="95%",
    show_default=True,
    help="End the ramp when the success rate falls below this.",
)
@click.option(
    "--rest", type=DURATION, default="0s", show_default=True, help="Pause without users between steps."
)
@click.option(
    "--confirm/--no-confirm",
    default=True,
    show_default=True,
    help="Repeat a level that broke, to be sure of it (usually once, at most six times).",
)
@shared
def command(**given: Any) -> int:
    """Add users in steps until the success rate falls, and name the breaking point.

    Users do not pause between calls (--no-think), so N users are N calls in flight.

    \b
    harness ramp --max 50
    harness ramp --max 200 --step 20 --hold 30s --slo 'p95 < 250ms'
    harness ramp --max 50 --url http://127.0.0.1:3001/mcp --call echo --args '{"message": "hi"}'
    """
    from harness.cli.load_command import conduct

    keys = ("to", "step", "hold", "break_below", "rest", "confirm", "requests_per_user")
    ramp = {key: given[key] for key in keys if given[key] is not None}
    base = {"name": "ramp", "load": [{"name": "ramp", "ramp": ramp}], "think": False}
    return conduct("ramp", scenario_data(given, base), given)
