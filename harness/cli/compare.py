"""`harness compare`: two sides of runs, figure by figure: what changed, and whether that can be told from noise."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import ALLOW_HOST
from harness.foundation.errors import UsageError

if TYPE_CHECKING:
    from harness.history.comparison.comparing import Rules
    from harness.history.comparison.comparison import Comparison

# The formats of harness.history.comparison.files, which is slow to import for a help text; a test compares the two.
FORMATS = ("terminal", "json", "html", "junit", "markdown")
GATES = {
    "latency": ("5%,0.2ms", "percentiles"),
    "throughput": ("3%", "throughput"),
    "success": ("0.5%", "the success rate, in points"),
}


def gate_options(command: Any) -> Any:
    """Add --gate-latency, --gate-throughput and --gate-success."""
    for name, (default, what) in reversed(GATES.items()):
        command = click.option(
            f"--gate-{name}",
            metavar="CHANGE",
            help=f"How large a change of {what} must be to matter [default: {default}].",
        )(command)
    return command


@click.command()
@click.argument("a")
@click.argument("b")
@gate_options
@click.option("--describe", is_flag=True, help="Ask for no verdict: the exit code is 0.")
@click.option("--force", is_flag=True, help="Describe runs that are not comparable; nothing follows from it.")
@click.option(
    "--same-conditions",
    is_flag=True,
    help="You know that all runs were made under the same conditions, whenever that was.",
)
@click.option("--all", "everything", is_flag=True, help="Show every figure of every operation and level.")
@click.option(
    "--format",
    "name",
    type=click.Choice(FORMATS),
    default="terminal",
    show_default=True,
    help="Format to print.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write compare.html, compare.json, compare.md and compare.xml (JUnit) to this directory.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: --format json.")
@ALLOW_HOST
def command(a: str, b: str, **given: Any) -> int:
    """Compare the runs of side B with those of side A: is B slower?

    A side is a run, several with commas between them, a pattern in quotes, or a name in the history: a tag,
    a branch, the beginning of a run's id, or `baseline`. The run is the unit: five repeats a side, made by
    turns, tell 10 % of p95 from noise; one run a side only describes.

    Exit codes: 1 a figure regressed, 3 inconclusive or not comparable, else 0; with --describe always 0.

    \b
    harness compare 'reports/main/2026*' 'reports/branch/2026*'
    harness compare baseline reports/nightly/latest
    harness compare reports/smoke/latest reports/nightly/latest --force
    harness compare A B --format markdown >> "$GITHUB_STEP_SUMMARY"
    """
    from harness.history.comparison.comparing import compare
    from harness.history.comparison.sides import side
    from harness.history.finding import known_names

    rules = rules_of(given)
    finders = [known_names(a, b, given["allowed_hosts"])]
    found = compare(side(a, finders), side(b, finders), rules)
    shown(found, given)
    return found.exit_code


def rules_of(given: dict[str, Any], may_differ: frozenset[str] = frozenset()) -> "Rules":
    """How to compare, from the options."""
    from msgspec import structs

    from harness.history.comparison.comparing import Rules
    from harness.history.comparison.gates import Gates, parsed

    usual = Gates()
    told = {name: given[f"gate_{name}"] for name in GATES if given.get(f"gate_{name}")}
    gates = structs.replace(
        usual, **{name: parsed(name, text, getattr(usual, name)) for name, text in told.items()}
    )
    if given.get("describe") and given.get("force"):
        raise UsageError("--describe and --force say the same", "Both only describe", "Leave one of them out")
    return Rules(
        gates=gates,
        describes=bool(given.get("describe")),
        forced=bool(given.get("force")),
        vouched=bool(given.get("same_conditions")),
        may_differ=may_differ,
    )


def shown(found: "Comparison", given: dict[str, Any]) -> None:
    """Print the comparison, and write its files."""
    from harness.history.comparison import files, terminal

    if given["report"] is not None:
        files.write(found, given["report"])
    name = "json" if given["as_json"] else given["name"]
    if name == "terminal":
        click.echo(terminal.text(found, everything=given["everything"]))
        if given["report"] is not None:
            click.echo(f"  Page      {given['report'] / 'compare.html'}")
    else:
        click.echo(files.FORMATS[name](found), nl=False)
