"""`harness doctor`: what is installed, what answers, what is missing; and cleaning up after runs that died."""

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.basic_options import ALLOW_HOST, OUT
from harness.foundation.errors import FAULTS_LEFT_OVER, PASSED, USAGE, worst
from harness.foundation.untrusted import printable

if TYPE_CHECKING:
    from harness.doctor.finding import State

COLOURS: dict["State", str] = {
    "good": "green",
    "warning": "yellow",
    "optional": "bright_black",
    "missing": "red",
}


@click.command()
@click.option("--clean", is_flag=True, help="Undo what interrupted runs left behind.")
@OUT
@ALLOW_HOST
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(out: Path, allowed_hosts: tuple[str, ...], *, clean: bool, as_json: bool) -> int:
    """Look at this machine: what is installed, what answers, what is missing and how to get it.

    \b
    harness doctor
    harness doctor --clean

    Exit code 0 when `harness ramp` could run, 2 when it could not, 6 when --clean could not undo everything.
    """
    from harness.doctor import leftovers, page
    from harness.doctor.examination import examine

    cleaned = leftovers.clean(out, allowed_hosts) if clean else []
    examination = asyncio.run(examine(out, allowed_hosts))
    left = any(each.left for each in cleaned)
    code = worst(*(PASSED if examination.ready else USAGE, FAULTS_LEFT_OVER if left else PASSED))
    if as_json:
        click.echo(printable.as_json(page.values(examination, cleaned, code)))
        return code
    if clean:
        click.echo(page.cleaned_text(cleaned, out))
    click.echo(
        page.text(examination, _paint, plain=_plain()), color=False if os.environ.get("NO_COLOR") else None
    )
    return code


def _paint(text: str, state: "State") -> str:
    return click.style(text, fg=COLOURS[state])


def _plain() -> bool:
    """Whether standard output cannot show a tick."""
    from harness.doctor.page import MARKS

    try:
        "".join(MARKS.values()).encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return False
