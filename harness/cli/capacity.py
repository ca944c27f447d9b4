"""`harness capacity`: how much load can the server take while objectives hold?"""

from typing import Any

import click

from harness.cli.basic_options import POSITIVE_DURATION, RATE, SHARE, USERS
from harness.cli.options import scenario_data, shared
from harness.cli.sections import Sectioned
from harness.foundation.errors import UsageError

PROCESSES_MOST = 100  # over stdio every user has a process of this machine


@click.command(cls=Sectioned)
@click.option(
    "--max",
    "to",
    type=USERS,
    help="Largest number of users to try [default: 10000; 100 with --command, where each is a process].",
)
@click.option(
    "--rate", is_flag=True, help="Search for a rate of calls (open load) instead of a number of users."
)
@click.option("--max-rate", type=RATE, help="With --rate: the largest rate to try [default: 10000/s].")
@click.option(
    "--from",
    "first",
    help="Load of the first trial: users, or a rate such as 50/s [default: 1 user, or 10/s].",
)
@click.option(
    "--within", type=POSITIVE_DURATION, default="3m", show_default=True, help="Time for the whole search."
)
@click.option(
    "--precision",
    type=SHARE,
    default="5%",
    show_default=True,
    help="End the search when half of the interval is at most this share of the number.",
)
@click.option(
    "--arrivals",
    type=click.Choice(["constant", "poisson"]),
    help="With --rate: arrivals evenly spaced, or at random (Poisson) [default: poisson].",
)
@click.option("--max-users", type=USERS, help="With --rate: largest number of sessions [default: 1000].")
@click.option(
    "--queue",
    type=click.IntRange(min=0),
    help="With --rate: calls that may wait for a session [default: 1000].",
)
@shared
def command(**given: Any) -> int:
    """Search for the largest number of users (--rate: of calls a second) at which all objectives (--slo) hold.

    The answer is a number with its 90 % credible interval, and the objective that fails first above it. Users do not pause
    between calls unless --think is given.

    \b
    harness capacity --slo 'p95 < 250ms' --slo 'success_rate >= 99%'
    harness capacity --rate --slo 'p95 < 250ms' --within 5m
    harness capacity --slo 'p95 < 1s' --url http://127.0.0.1:3001/mcp --call echo --args '{"message": "hi"}'

    Exit code 0 when the number was found, 1 when the objectives fail at the smallest load, 3 when the result is unknown.
    """
    from harness.cli.load_command import conduct

    if not given["objectives"]:
        raise UsageError(
            "What has to hold? --slo is missing",
            "Capacity is the largest load at which objectives hold",
            "For example --slo 'p95 < 250ms' --slo 'success_rate >= 99%'",
        )
    load = _load(given)
    slo, given["objectives"] = list(given["objectives"]), ()  # they are the search's, not the whole run's
    base = {
        "name": "capacity",
        "load": [{"name": "capacity", "capacity": {"objectives": slo, **load}}],
        "think": False,
    }
    return conduct("capacity", scenario_data(given, base), given)


def _load(given: dict[str, Any]) -> dict[str, Any]:
    load = {key: given[key] for key in ("first", "within", "precision") if given[key] is not None}
    only_rate = {key: given[key] for key in ("arrivals", "max_users", "queue") if given[key] is not None}
    if given["rate"] or given["max_rate"]:
        if given["to"] is not None:
            raise UsageError(
                "--max is a number of users, and --rate searches for a rate",
                "",
                "Give --max-rate, or leave --rate out",
            )
        return load | {"to": given["max_rate"] or "10000/s", "arrivals": "poisson"} | only_rate
    if only_rate:
        flag = f"--{next(iter(only_rate)).replace('_', '-')}"
        raise UsageError(
            f"{flag} is for open load", "This search is for a number of users", "Add --rate, or leave it out"
        )
    to = given["to"] or (PROCESSES_MOST if given["stdio_command"] else None)
    return load | ({"to": to} if to is not None else {})
