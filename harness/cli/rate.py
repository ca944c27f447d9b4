"""`harness rate`: open load at one rate."""

from typing import Any

import click

from harness.cli.basic_options import POSITIVE_DURATION, RATE, USERS
from harness.cli.options import scenario_data, shared
from harness.cli.sections import Sectioned


@click.command(cls=Sectioned)
@click.option("--rate", type=RATE, required=True, help="Arrival rate of calls, such as 500/s or 30/m.")
@click.option("--for", "for_", type=POSITIVE_DURATION, required=True, help="Duration of the load.")
@click.option(
    "--arrivals",
    type=click.Choice(["constant", "poisson"]),
    default="constant",
    show_default=True,
    help="Arrivals evenly spaced, or at random (Poisson).",
)
@click.option(
    "--max-users", type=USERS, help="Largest number of sessions that may be opened [default: 1000]."
)
@click.option(
    "--queue",
    type=click.IntRange(min=0),
    help="Largest number of calls that may wait for a free session [default: 1000].",
)
@click.option(
    "--interval",
    type=POSITIVE_DURATION,
    default="10s",
    show_default=True,
    help="Interval at which figures are reported.",
)
@shared
def command(**given: Any) -> int:
    """Send calls at a rate, whether or not the server keeps up (open load).

    Each call goes to a free session of a pool that grows as needed. Response times count from when the call was due,
    so a stalled server looks as slow as its clients would find it. A call for which there is no session and no place
    in the queue is not sent; it is counted, and an objective on success fails.

    \b
    harness rate --rate 100/s --for 60s --slo 'p99 < 500ms'
    harness rate --rate 500/s --for 60s --arrivals poisson --max-users 200
    """
    from harness.cli.load_command import conduct

    keys = ("rate", "arrivals", "max_users", "queue", "interval")
    rate = {key: given[key] for key in keys if given[key] is not None} | {"for": given["for_"]}
    base = {"name": "rate", "load": [{"name": "rate", "rate": rate}]}
    return conduct("rate", scenario_data(given, base), given)
