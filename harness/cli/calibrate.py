"""`harness calibrate`: how small a change can be told from noise on this machine, and with how many repeats."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.basic_options import ALLOW_HOST, OUT
from harness.cli.compare import gate_options
from harness.foundation.errors import PASSED, UNKNOWN, UsageError
from harness.foundation.untrusted.printable import as_json as json_text

if TYPE_CHECKING:
    from harness.history.comparison.resolution import Resolved

TOLD = ("p95", "p50", "throughput")  # the sentence is about the first of these that is there
HEADS = ("Of", "Figure", "Is", "Runs differ by", "Smallest change told", "5 %", "10 %", "20 %")
SHOWN = (0.05, 0.10, 0.20)


@click.command()
@click.argument("scenario", type=click.Path(path_type=Path), required=False)
@click.option(
    "--repeats", type=click.IntRange(4, 100), default=8, show_default=True, help="How many runs to make."
)
@click.option(
    "--url", metavar="URL", envvar="HARNESS_URL", help="Server to load [default: that of the scenario]."
)
@click.option("--runs", metavar="PATTERN", help="Make no runs; use these existing runs, all of one build.")
@gate_options
@ALLOW_HOST
@OUT
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(scenario: Path | None, **given: Any) -> int:
    """Run SCENARIO [default: scenarios/smoke.yaml] several times, and show how small a change comparisons can detect here.

    Nothing changes between the runs, so their differences are the noise of this machine and this server.

    \b
    harness calibrate --repeats 8
    harness calibrate scenarios/nightly.yaml --repeats 10
    harness calibrate --runs 'reports/smoke/2026*'
    """
    import msgspec

    from harness.cli.compare import rules_of
    from harness.history.comparison import likeness
    from harness.history.comparison.resolution import RUNS_LEAST, resolved

    gates = rules_of(given).gates
    runs = _given(given["runs"]) if given["runs"] else _made(scenario, given)
    unlike = list(likeness.differences(runs, ()))
    if unlike or len(runs) < RUNS_LEAST:
        raise UsageError(
            "These runs say nothing about noise",
            "; ".join(unlike) or f"{len(runs)} of them count, and {RUNS_LEAST} are needed",
            "Give runs of one build, one scenario and one machine",
        )
    resolved_figures = resolved(runs, gates)
    if as_json := given["as_json"]:
        whole = {
            "schema": 1,
            "runs": [run.run_id for run in runs],
            "figures": msgspec.to_builtins(resolved_figures),
        }
        click.echo(json_text(whole))
    elif resolved_figures:
        click.echo(text(resolved_figures, len(runs)))
    if not resolved_figures and not as_json:
        click.echo("No figure of these runs can be compared", err=True)
    return PASSED if resolved_figures else UNKNOWN


def _given(pattern: str) -> tuple[Any, ...]:
    from harness.history.comparison import likeness
    from harness.history.comparison.sides import side

    return tuple(run for run in side(pattern).runs if not likeness.why_left_out(run))


def _made(scenario: Path | None, given: Mapping[str, Any]) -> tuple[Any, ...]:
    from harness.cli import by_turns
    from harness.cli.nightly import carried
    from harness.history.comparison.turns import target

    path = scenario or carried(Path("scenarios") / "smoke.yaml")
    data, declared = by_turns.scenario(path, given["allowed_hosts"])
    targets = {"A": target(given["url"], declared) if given["url"] else declared}
    by_turns.check(targets, data, str(path))
    made = by_turns.runs("A" * given["repeats"], targets, data, out=given["out"], source=str(path))
    return tuple(run for _, run in made)


def text(resolved_figures: "Sequence[Resolved]", runs: int) -> str:
    """A table, and one sentence."""
    from harness.foundation.untrusted.printable import lines
    from harness.history.comparison import wording
    from harness.history.comparison.terminal import table

    rows = [
        (
            one.of,
            one.name,
            wording.show(one.middle, one.unit),
            f"{one.spread:.1%} (at most {one.spread_at_most:.1%})",
            "none" if one.smallest is None else f"{one.smallest:.0%}",
            *(_repeats(dict(one.repeats)[change]) for change in SHOWN),
        )
        for one in resolved_figures
    ]
    shown = [
        "",
        *table([HEADS, *rows]),
        "",
        *_sentence(resolved_figures),
        f"From {runs} runs; columns are repeats a side.",
    ]
    return lines("\n".join(f"  {line}".rstrip() for line in shown))


def _repeats(many: int | None) -> str:
    return "more than 100" if many is None else str(many)


def _sentence(resolved_figures: "Sequence[Resolved]") -> list[str]:
    """`A change of 6 % in p95 needs 8 repeats here`, for the smallest change that is worth the repeats."""
    for name in TOLD:
        one = next((one for one in resolved_figures if one.name == name), None)
        if one is not None:
            enough = [(change, many) for change, many in one.repeats if many is not None]
            within = [pair for pair in enough if pair[1] <= 10] or enough[-1:]
            return [
                f"A change of {change:.0%} in {name} of {one.of} needs {many} repeats a side here."
                for change, many in within[:1]
            ]
    return []
