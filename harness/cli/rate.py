"""`harness rate`: open load at one rate."""

from typing import Any

import click

from harness.cli.options import POSITIVE_DURATION, RATE, USERS, scenario_data, shared
from harness.cli.sections import Sectioned


@click.command(cls=Sectioned)
@click.option("--rate", type=RATE, required=True, help="How many calls arrive, such as 500/s or 30/m.")
@click.option("--for", "for_", type=POSITIVE_DURATION, required=True, help="For how long.")
@click.option(
    "--arrivals",
    type=click.Choice(["constant", "poisson"]),
    default="constant",
    show_default=True,
    help="Evenly spaced, or at random.",
)
@click.option("--max-users", type=USERS, help="How many sessions the pool may grow to [default: 1000].")
@click.option(
    "--queue", type=click.IntRange(min=0), help="How many calls may wait for a session [default: 1000]."
)
@click.option(
    "--interval",
    type=POSITIVE_DURATION,
    default="10s",
    show_default=True,
    help="How often figures are given.",
)
@shared
def command(**given: Any) -> int:
    """Send calls at a rate, whether or not the server keeps up (open load).

    A call goes to any free session of a pool that grows as needed. Response time counts from when the call was due,
    so a server that stalls is seen as its clients would see it. What nobody can take any more is not sent, counted,
    and makes an objective on success fail.

    \b
    harness rate --rate 100/s --for 60s --slo 'p99 < 500ms'
    harness rate --rate 500/s --for 60s --arrivals poisson --max-users 200
    """
    from harness.cli.conducting import conduct

    keys = ("rate", "arrivals", "max_users", "queue", "interval")
    rate = {key: given[key] for key in keys if given[key] is not None} | {"for": given["for_"]}
    base = {"name": "rate", "load": [{"name": "rate", "rate": rate}]}
    return conduct("rate", scenario_data(given, base), given)
