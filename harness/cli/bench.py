"""`harness bench`: a fixed number of calls, with a fixed number in flight."""

from typing import Any

import click

from harness.cli.basic_options import USERS
from harness.cli.options import scenario_data, shared
from harness.cli.sections import Sectioned


@click.command(cls=Sectioned)
@click.option("--requests", type=USERS, default=50, show_default=True, help="Total number of calls.")
@click.option(
    "--concurrency",
    type=USERS,
    default=10,
    show_default=True,
    help="Number of calls in flight at the same time.",
)
@shared
def command(**given: Any) -> int:
    """Make a fixed number of calls with a fixed concurrency, and measure them.

    Users open their sessions first, begin together, and do not think (--no-think).

    \b
    harness bench --requests 50 --concurrency 10
    """
    from harness.cli.load_command import conduct

    bench = {"requests": given["requests"], "users": given["concurrency"]}
    base = {"name": "bench", "load": [{"name": "bench", "bench": bench}], "think": False}
    return conduct("bench", scenario_data(given, base), given)
