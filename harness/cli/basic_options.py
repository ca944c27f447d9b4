"""Options that commands share which know nothing of scenarios, and the kinds of values that options take.

Apart from the options of load, so that a command that only reads the history starts without what reads scenarios.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from harness.foundation.units import UnitError, duration_s, rate_per_s, said, share

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Quantity(click.ParamType[Any]):
    """Text with a unit: checked when the command line is parsed, passed on as it was written."""

    def __init__(self, name: str, convert: Callable[[str], float], *, positive: bool = False) -> None:
        self.name = name
        self._convert = convert
        self._positive = positive

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            if self._positive and self._convert(value) <= 0:
                self.fail(f"{said(value)} must be more than zero", param, ctx)
            self._convert(value)
        except UnitError as error:
            self.fail(str(error), param, ctx)
        return value


DURATION = Quantity("duration", duration_s)
POSITIVE_DURATION = Quantity("duration", duration_s, positive=True)
SHARE = Quantity("percent", share)
RATE = Quantity("rate", rate_per_s)
USERS = click.IntRange(min=1)

ALLOW_HOST: Decorator = click.option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="HOST",
    help="Allow connections to this host, a name or an IP address, besides this machine; repeatable.",
)
OUT: Decorator = click.option(
    "--out",
    type=click.Path(path_type=Path),
    envvar="HARNESS_OUT",
    default=Path("reports"),
    show_default=True,
    help="Directory in which run directories are created.",
)
