"""`harness suite`: bench, ramp, and sustain at the ramp's last good level, in one run."""

from typing import Any

import click

from harness.cli.basic_options import DURATION, POSITIVE_DURATION, SHARE, USERS
from harness.cli.options import scenario_data, shared
from harness.cli.sections import Sectioned


@click.command(cls=Sectioned)
@click.option(
    "--requests", type=USERS, default=50, show_default=True, help="Total number of calls of the bench."
)
@click.option(
    "--concurrency",
    type=USERS,
    default=10,
    show_default=True,
    help="Number of calls of the bench in flight at the same time.",
)
@click.option(
    "--max",
    "to",
    type=USERS,
    default=50,
    show_default=True,
    help="Number of users at the last step of the ramp.",
)
@click.option("--step", type=USERS, default=5, show_default=True, help="Number of users added at each step.")
@click.option(
    "--hold",
    type=POSITIVE_DURATION,
    default="10s",
    show_default=True,
    help="Duration of each step of the ramp.",
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
    "--for",
    "for_",
    type=POSITIVE_DURATION,
    default="5m",
    show_default=True,
    help="Duration at the last good level.",
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
    """Run bench, ramp, and sustain at the last good level, with one report.

    Users do not pause between calls (--no-think). Without a good level there is nothing to sustain, and the run fails.

    \b
    harness suite
    harness suite --max 20 --hold 3s --for 30s
    """
    from harness.cli.load_command import conduct

    bench = {"requests": given["requests"], "users": given["concurrency"]}
    ramp = {key: given[key] for key in ("to", "step", "hold", "break_below", "rest")}
    sustain = {"users": "last_good", "for": given["for_"], "interval": given["interval"]}
    load = [
        {"name": "bench", "bench": bench},
        {"name": "ramp", "ramp": ramp},
        {"name": "sustain", "sustain": sustain},
    ]
    return conduct("suite", scenario_data(given, {"name": "suite", "load": load, "think": False}), given)
