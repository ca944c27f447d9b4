"""Makes the runs of two sides by turns, or of one side again and again: each is a run like any other, with its directory."""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import click

from harness.cli.load_command import check_options, made
from harness.cli.options import part
from harness.conduct.setup.vetted_addresses import vetted
from harness.foundation.errors import INTERRUPTED, HarnessError, UntrustedError
from harness.foundation.untrusted.printable import printable
from harness.history.comparison import run_figures
from harness.history.comparison.measured import MeasuredRun
from harness.scenario.read import read_file, scenario_of

NOT_SHARED = {"prometheus": None, "web": False}


class StoppedError(HarnessError):
    """Somebody pressed Ctrl-C: the runs that were made stay."""

    exit_code = INTERRUPTED


def scenario(path: Path, allowed_hosts: Sequence[str]) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """Read a scenario file with more hosts that are allowed; return it, and what it says of its target."""
    data = read_file(path)
    if allowed_hosts:
        data = {**data, "allowed_hosts": [*part(data, "allowed_hosts", []), *allowed_hosts]}
    return data, part(data, "target", {})


def check(targets: Mapping[str, Mapping[str, Any]], data: Mapping[str, Any], source: str) -> None:
    """Check every side, and where it goes, before anything starts."""
    for target in targets.values():
        asked = scenario_of({**data, "target": dict(target)}, source)
        check_options(asked.target.options)
        asyncio.run(vetted(asked, frozenset(), os.environ))


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
