"""How a verification is told while it goes on, at its end, and to the history."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.foundation.untrusted import printable

if TYPE_CHECKING:
    from harness.verify.results.checklist import Checklist
    from harness.verify.results.suite import SuiteResult
    from harness.verify.settings import Settings


def kept(suite: "SuiteResult", settings: "Settings", place: Path, *, history: bool) -> int:
    if history:
        from harness.cli.verify_history import to_history

        to_history(suite, settings, place)
    return suite.exit_code


def checklist(*, as_json: bool) -> "Checklist":
    from harness.verify.results.checklist import Checklist

    stream = sys.stderr if as_json else sys.stdout
    return Checklist(lambda line: click.echo(line, file=stream), colour=stream.isatty())


def told(suite: "SuiteResult", place: Path, shown: "Checklist", *, as_json: bool) -> None:
    from harness.verify.results import files
    from harness.verify.results.ctrf import ctrf

    files.write(place, suite)
    shown.finished(suite, str(place))
    if as_json:
        click.echo(printable.as_json(ctrf(suite)))
