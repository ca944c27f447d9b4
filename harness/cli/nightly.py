"""`harness nightly`: run a scenario file several times, and say whether it became slower than on earlier nights."""

import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import scenario_data, shared
from harness.cli.sections import Sectioned
from harness.foundation.errors import (
    FAULT_BACKEND_UNREACHABLE,
    INTERRUPTED,
    TARGET_UNREACHABLE,
    UNKNOWN,
    worst,
)
from harness.foundation.untrusted.printable import printable

if TYPE_CHECKING:
    from harness.history.comparison.comparison import Comparison
    from harness.history.nights import NightRun, NightWord

DEFAULT = Path("scenarios") / "nightly.yaml"
# After a run with such a code the next one would end in the same way.
IN_VAIN = {INTERRUPTED, TARGET_UNREACHABLE, FAULT_BACKEND_UNREACHABLE}


@click.command(cls=Sectioned)
@click.argument("scenario", type=click.Path(path_type=Path), required=False)
@click.option(
    "--repeats",
    type=click.IntRange(1, 50),
    default=5,
    show_default=True,
    help="Number of runs; five tell a change of 10 % in p95 from noise.",
)
@click.option(
    "--confirm/--no-confirm",
    default=True,
    help="Repeat the runs before reporting a regression [default: confirm].",
)
@shared
def command(scenario: Path | None, **given: Any) -> int:
    """Run SCENARIO [default: scenarios/nightly.yaml] several times, and compare the runs with the baseline.

    The baseline is the last good nights of the same scenario, server and machine in the history, or what
    `harness baseline set` named. The results are written to nights/ under --out and, in a CI job, to its summary page.
    Exit codes: those of the runs, and 1 for a regression that a second round has confirmed.

    \b
    harness nightly
    harness nightly scenarios/smoke.yaml --url http://127.0.0.1:8000/mcp --repeats 3
    """
    from harness.history.one_at_a_time import alone
    from harness.scenario.plan.build import build
    from harness.scenario.read import read_file, scenario_of

    path = scenario or default_path()
    data = scenario_data(given, read_file(path))
    build(scenario_of(data, str(path)))  # what is wrong with it is said before anything is made
    with alone(given["out"]):
        return _night(str(path), data, given)


def _night(source: str, data: Mapping[str, Any], given: Mapping[str, Any]) -> int:
    from harness.cli.output import put_on_page
    from harness.history import judging_nights, nights

    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    allowed = [*(data.get("allowed_hosts") or []), *given["allowed_hosts"]]
    made: list[NightRun] = []
    rounds: list[Comparison] = []
    word, why = _rounds(made, rounds, name, source, data, given, allowed)
    night = nights.Night(
        night=name,
        scenario=str(data.get("name") or Path(source).stem),
        runs=tuple(made),
        rounds=tuple(rounds),
        word=word,
        why=why,
    )
    code = night.exit_code if made else INTERRUPTED
    if given["history"] and (unsettled := judging_nights.settle(night, allowed)):
        click.echo(
            printable(f"Warning: this night is not in the baseline of later ones: {unsettled}"), err=True
        )
    put_on_page(nights.markdown(night))
    click.echo(
        nights.json_line(night) if given["as_json"] else f"\n{nights.text(night)}", nl=not given["as_json"]
    )
    try:
        folder = judging_nights.write(night, given["out"])
    except OSError as error:
        click.echo(printable(f"The results could not be written: {error.strerror or error}"), err=True)
        return worst(code, UNKNOWN)
    click.echo(printable(f"  Files     {folder}"), err=given["as_json"])
    return code


def _rounds(
    made: "list[NightRun]",
    rounds: "list[Comparison]",
    night: str,
    source: str,
    data: Mapping[str, Any],
    given: Mapping[str, Any],
    allowed: list[str],
) -> "tuple[NightWord, str]":
    """Make the first round, and the second if the first is slower than the baseline."""
    from harness.history import judging_nights, nights
    from harness.run_directory.checkout import checkout

    branch = checkout(Path.cwd()).branch
    for number in (1, 2) if given["confirm"] else (1,):
        fresh = list(_round(number, night, source, data, given))
        made += fresh
        if any(run.exit_code == INTERRUPTED for run in fresh) or not fresh:
            return "not_compared", "the night was interrupted"
        if not given["history"]:
            return "not_compared", "the history is switched off"
        runs = judging_nights.measured([Path(run.run_dir) for run in fresh])
        comparison = judging_nights.beside_baseline(runs, branch, allowed)
        if isinstance(comparison, str):
            if rounds:
                return "not_confirmed", f"the second round could not be compared: {comparison}"
            if comparison:
                return "not_compared", comparison
            return "no_baseline", "there are no good nights of this kind yet: nothing to compare with"
        rounds.append(comparison)
        if comparison.verdict != "regressed":
            break
        if number == 1 and given["confirm"]:
            click.echo("  A figure regressed; a second round shows whether it does again", err=True)
    return nights.decide(rounds)


def _round(
    number: int, night: str, source: str, data: Mapping[str, Any], given: Mapping[str, Any]
) -> "Iterator[NightRun]":
    """Make the runs of a round, one after the other; each goes into the history at its end."""
    from harness.cli.load_command import made, to_history
    from harness.cli.output import publish_to_ci
    from harness.history.nights import NightRun
    from harness.report.registry import FORMATS

    for at in range(given["repeats"]):
        click.echo(f"\n  Round {number}, run {at + 1} of {given['repeats']}", err=True)
        finished = made("nightly", data, given, source=source)
        if finished.reading is None or finished.run_dir is None:
            return
        click.echo(FORMATS["terminal"](finished.reading), err=given["as_json"], nl=False)
        if at == 0:
            publish_to_ci(finished.reading)
        to_history(finished, given, night)
        yield NightRun(
            round=number,
            run_id=str(finished.summary.run_id),
            run_dir=str(finished.run_dir),
            verdict=finished.summary.verdict,
            exit_code=finished.exit_code,
        )
        if finished.exit_code in IN_VAIN:
            return


def default_path() -> Path:
    """Return the user's own nightly scenario, else the one in the wheel or the checkout."""
    return carried(DEFAULT)


def carried(path: Path) -> Path:
    """Return a file of the user's own, else the one in the wheel or the checkout."""
    package = Path(__file__).parents[1]
    places = (path, package / "workspace" / path, package.parent / path)
    return next((place for place in places if place.is_file()), path)
