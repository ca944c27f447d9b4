"""`harness suite`: bench, ramp, and a while at what the ramp found good, in one run."""

from typing import Any

import click

from harness.cli.options import DURATION, POSITIVE_DURATION, SHARE, USERS, scenario_data, shared
from harness.cli.sections import Sectioned


@click.command(cls=Sectioned)
@click.option("--requests", type=USERS, default=50, show_default=True, help="Calls of the bench.")
@click.option("--concurrency", type=USERS, default=10, show_default=True, help="How many of them at a time.")
@click.option(
    "--max", "to", type=USERS, default=50, show_default=True, help="Users at the last step of the ramp."
)
@click.option("--step", type=USERS, default=5, show_default=True, help="Users added at each step.")
@click.option(
    "--hold",
    type=POSITIVE_DURATION,
    default="10s",
    show_default=True,
    help="How long a step of the ramp lasts.",
)
@click.option(
    "--break-below", type=SHARE, default="95%", show_default=True, help="The success rate that ends the ramp."
)
@click.option(
    "--rest", type=DURATION, default="0s", show_default=True, help="Time without users between the steps."
)
@click.option(
    "--for",
    "for_",
    type=POSITIVE_DURATION,
    default="5m",
    show_default=True,
    help="How long the last good level is held.",
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
    """Bench, then ramp, then hold the last good level, in one run and one report.

    Users do not think here (--no-think). Without a good level there is nothing to hold, and the run has failed.

    \b
    harness suite
    harness suite --max 20 --hold 3s --for 30s
    """
    from harness.cli.conducting import conduct

    bench = {"requests": given["requests"], "users": given["concurrency"]}
    ramp = {key: given[key] for key in ("to", "step", "hold", "break_below", "rest")}
    sustain = {"users": "last_good", "for": given["for_"], "interval": given["interval"]}
    load = [
        {"name": "bench", "bench": bench},
        {"name": "ramp", "ramp": ramp},
        {"name": "sustain", "sustain": sustain},
    ]
    return conduct("suite", scenario_data(given, {"name": "suite", "load": load, "think": False}), given)
