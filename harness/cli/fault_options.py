"""The options for faults and for links of the user's own, and what a scenario would say instead."""

import click

from harness.cli.basic_options import Decorator
from harness.foundation.errors import UsageError
from harness.foundation.units import said
from harness.foundation.untrusted.documents import short
from harness.scenario.fault import from_flag
from harness.scenario.links import link_from_flag

FAULT: Decorator = click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND:key=value,...",
    help="Inject a fault, such as latency:latency=200ms,at=10s,for=5s; repeatable.",
)
LINK: Decorator = click.option(
    "--link",
    "links",
    multiple=True,
    metavar="NAME=URL,env=VARIABLE",
    help="Put a proxy between your server and what it needs, so that faults can act there (link=NAME), such as "
    "db=postgres://127.0.0.1:5432,env=DATABASE_URL; listen=PORT instead of env for a server that runs already; repeatable.",
)


def link_of(text: str) -> tuple[str, dict[str, str]]:
    """Return the name of a link, and what `links` of a scenario would say of it."""
    try:
        return link_from_flag(text)
    except ValueError as error:
        raise UsageError(
            f"--link {short(text.partition('=')[0], 40)!r} cannot be read",
            str(error),
            "For example --link db=postgres://127.0.0.1:5432,env=DATABASE_URL",
        ) from error


def fault_of(text: str) -> dict[str, str]:
    """Return what `faults` of a scenario would say."""
    try:
        return from_flag(text)
    except ValueError as error:
        raise UsageError(
            f"--fault {said(text)} cannot be read",
            str(error),
            "For example --fault latency:latency=200ms,at=10s,for=5s",
        ) from error
