"""Makes the runs of two sides by turns, or of one side again and again: each is a run like any other, with its directory."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import click

from harness.cli.load_command import made
from harness.foundation.errors import INTERRUPTED, HarnessError, UntrustedError
from harness.foundation.untrusted.printable import printable
from harness.history.comparison import run_figures
from harness.history.comparison.measured import MeasuredRun

NOT_SHARED = {"prometheus": None, "web": False}


class StoppedError(HarnessError):
    """Somebody pressed Ctrl-C: the runs that were made stay."""

    exit_code = INTERRUPTED


def runs(
    order: str,
    targets: Mapping[str, Mapping[str, Any]],
    data: Mapping[str, Any],
    *,
    out: Path,
    source: str,
    around: Callable[[str], AbstractContextManager[None]] = lambda _letter: nullcontext(),
) -> Iterator[tuple[str, MeasuredRun]]:
    """Make the runs in this order, a letter each; one that is unknown is made again, as often as half of all may be.

    Each is made within `around` of its letter.
    """
    spare = (len(order) + 1) // 2
    for at, letter in enumerate(order, 1):
        while True:
            click.echo(printable(f"Run {at} of {len(order)}, side {letter}"), err=True)
            with around(letter):
                run = _one({**data, "target": dict(targets[letter])}, out, source)
            if run.verdict != "unknown":
                yield letter, run
                break
            spare -= 1
            if spare < 0:
                raise UntrustedError(
                    "Too many runs cannot be trusted (unknown)",
                    f"The last of them is {run.path}",
                    "Its report says why; a quieter machine or a lighter load helps",
                )
            click.echo("It cannot be trusted (unknown): once more", err=True)


def _one(data: Mapping[str, Any], out: Path, source: str) -> MeasuredRun:
    finished = made("run", data, {"out": out, **NOT_SHARED}, source)
    if finished.reading is None or finished.run_dir is None or finished.exit_code == INTERRUPTED:
        raise StoppedError("Interrupted", "The runs that were made stay", "harness compare reads them, too")
    return run_figures.of_directory(finished.run_dir)
