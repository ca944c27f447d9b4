"""`harness compare`: two sides of runs, figure by figure: what changed, and whether that can be told from noise."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.basic_options import ALLOW_HOST, OUT
from harness.foundation.errors import UsageError
from harness.scenario.model import PROTOCOLS

if TYPE_CHECKING:
    from harness.cli.gateway import GatewayWatch
    from harness.history.comparison.comparing import Rules
    from harness.history.comparison.comparison import Comparison

# The formats of harness.history.comparison.files, which is slow to import for a help text; a test compares the two.
FORMATS = ("terminal", "json", "html", "junit", "markdown")
GATES = {
    "latency": ("5%,0.2ms", "a latency percentile"),
    "throughput": ("3%", "throughput"),
    "success": ("0.5%", "the success rate (in points)"),
}


def gate_options(command: Any) -> Any:
    """Add --gate-latency, --gate-throughput and --gate-success."""
    for name, (default, what) in reversed(GATES.items()):
        command = click.option(
            f"--gate-{name}",
            metavar="CHANGE",
            help=f"A change of {what} matters when it is larger than this [default: {default}].",
        )(command)
    return command


@click.command()
@click.argument("a", required=False)
@click.argument("b", required=False)
@click.option(
    "--scenario", type=click.Path(path_type=Path), help="Make the runs now, of this scenario file, by turns."
)
@click.option(
    "--a",
    "side_a",
    metavar="URL|COMMAND",
    help="Side A of --scenario: a URL, a command of a server over stdio (or of one at the url of the scenario's target), "
    "or 'reference [--OPTION ...]'.",
)
@click.option("--b", "side_b", metavar="URL|COMMAND", help="Side B of --scenario.")
@click.option(
    "--gateway",
    metavar="URL",
    help="Instead of --b: a gateway that leads to side A. Adds a table of what it costs; there is no verdict without a --gate.",
)
@click.option(
    "--protocol-a", type=click.Choice(PROTOCOLS), help="Protocol of side A [default: that of the file]."
)
@click.option(
    "--protocol-b", type=click.Choice(PROTOCOLS), help="Protocol of side B [default: that of the file]."
)
@click.option(
    "--repeats",
    type=click.IntRange(2, 50),
    default=5,
    show_default=True,
    help="With --scenario: number of runs of each side.",
)
@ALLOW_HOST
@OUT
@gate_options
@click.option("--describe", is_flag=True, help="Give no verdict; the exit code is 0.")
@click.option("--force", is_flag=True, help="Describe runs that are not comparable, without a verdict.")
@click.option(
    "--same-conditions",
    is_flag=True,
    help="Treat all runs as made under the same conditions, whatever their dates.",
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
@click.option(
    "--history/--no-history",
    "history",
    envvar="HARNESS_HISTORY",
    default=True,
    help="Look names up in the history (`harness history`), or not [default: look them up].",
)
def command(a: str | None, b: str | None, **given: Any) -> int:
    """Compare the runs of side B with those of side A: is B slower?

    A side is a run, several with commas between them, a pattern in quotes, or a name in the history: a tag,
    a branch, the beginning of a run's id, or `baseline`. The run is the unit: five repeats a side, made by
    turns, tell a change of 10 % in p95 from noise where runs differ by 2 %; else the answer says how many
    repeats would. One run a side only describes.

    With --scenario the runs are made now: two builds, over stdio and over HTTP, two protocols; --gateway: what does it cost?

    Exit codes: 1 a figure regressed, 3 inconclusive or not comparable, else 0; with --describe always 0.

    \b
    harness compare 'reports/main/2026*' 'reports/branch/2026*'
    harness compare baseline reports/nightly/latest
    harness compare reports/smoke/latest reports/nightly/latest --force
    harness compare A B --format markdown >> "$GITHUB_STEP_SUMMARY"
    harness compare --scenario scenarios/smoke.yaml --a http://127.0.0.1:8000/mcp --b http://127.0.0.1:8001/mcp
    harness compare --scenario scenarios/smoke.yaml --a http://127.0.0.1:8000/mcp --gateway http://127.0.0.1:9000/mcp
    """
    from harness.history.comparison.comparing import compare
    from harness.history.comparison.sides import side
    from harness.history.lookup import known_names

    if given["scenario"] is not None:
        return _by_turns(a, b, given)
    if given["side_a"] or given["side_b"] or given["gateway"]:
        raise UsageError(
            "--a, --b and --gateway need --scenario", "They are servers, not runs", "Add --scenario FILE"
        )
    if a is None or b is None:
        raise UsageError(
            "A comparison has two sides",
            "There is " + ("only one" if a else "none"),
            "For example harness compare 'reports/main/2026*' 'reports/branch/2026*'",
        )
    rules = rules_of(given)
    finders = [known_names(a, b, given["allowed_hosts"])] if given["history"] else []
    comparison = compare(side(a, finders), side(b, finders), rules)
    shown(comparison, given)
    return comparison.exit_code


def _by_turns(a: str | None, b: str | None, given: Mapping[str, Any]) -> int:
    """Make the runs of both sides by turns, and compare them."""
    from msgspec import structs

    from harness.cli import by_turns
    from harness.history.comparison.comparing import Side, compare
    from harness.history.comparison.turns import target, turns

    watch, given = _gateway(given)
    if a is not None or not (given["side_a"] and given["side_b"]):
        raise UsageError(
            "--scenario compares two servers",
            f"There is also {a}{f' {b}' if b else ''}" if a else "--a or --b is missing",
            "For example --scenario scenarios/smoke.yaml --a http://127.0.0.1:8000/mcp --b http://127.0.0.1:8001/mcp",
        )
    rules = rules_of(given, frozenset({"target", "protocol"}))
    data, declared = by_turns.scenario(given["scenario"], given["allowed_hosts"])
    targets = {
        letter: target(given[f"side_{letter.lower()}"], declared, given[f"protocol_{letter.lower()}"])
        for letter in "AB"
    }
    by_turns.check(targets, data, str(given["scenario"]))
    runs: dict[str, list[Any]] = {"A": [], "B": []}
    order = turns(given["repeats"])
    made = by_turns.runs(
        order,
        targets,
        data,
        out=given["out"],
        source=str(given["scenario"]),
        **({"around": watch.around} if watch else {}),
    )
    for letter, run in made:
        runs[letter].append(run)
        if watch is not None:
            watch.note(letter, run)
    sides = [Side(label=given[f"side_{letter.lower()}"], runs=tuple(runs[letter])) for letter in "AB"]
    comparison = compare(sides[0], sides[1], rules)
    if watch is not None:
        comparison = structs.replace(comparison, gateway=watch.cost())
    report = given["report"] or given["out"] / "compare" / runs["A"][0].run_id
    shown(comparison, {**given, "report": report})
    return comparison.exit_code


def _gateway(given: Mapping[str, Any]) -> "tuple[GatewayWatch | None, Mapping[str, Any]]":
    """Watch the gateway that is side B, if there is one; a comparison with it describes, unless a gate was given."""
    from harness.cli.gateway import GatewayWatch

    url = given["gateway"]
    if url is None:
        return None, given
    if given["side_b"] or "://" not in url:
        raise UsageError(
            "--gateway is side B, and a URL",
            "There is also --b" if given["side_b"] else "It is none",
            "For example --a http://127.0.0.1:8000/mcp --gateway http://127.0.0.1:9000/mcp",
        )
    describes = given["describe"] or not any(given[f"gate_{name}"] for name in GATES)
    return GatewayWatch(url), {**given, "side_b": url, "describe": describes}


def rules_of(given: Mapping[str, Any], may_differ: frozenset[str] = frozenset()) -> "Rules":
    """How to compare, from the options."""
    from msgspec import structs

    from harness.history.comparison.comparing import Rules
    from harness.history.comparison.gates import Gates, parsed

    usual = Gates()
    given_gates = {name: given[f"gate_{name}"] for name in GATES if given.get(f"gate_{name}")}
    gates = structs.replace(
        usual, **{name: parsed(name, text, getattr(usual, name)) for name, text in given_gates.items()}
    )
    if given.get("describe") and given.get("force"):
        raise UsageError(
            "--describe and --force say the same",
            "A forced comparison only describes, too",
            "Leave one of them out",
        )
    return Rules(
        gates=gates,
        describes=bool(given.get("describe")),
        forced=bool(given.get("force")),
        vouched=bool(given.get("same_conditions")),
        may_differ=may_differ,
    )


def shown(comparison: "Comparison", given: Mapping[str, Any]) -> None:
    """Print the comparison, and write its files."""
    from harness.history.comparison import files, terminal

    if given["report"] is not None:
        files.write(comparison, given["report"])
    name = "json" if given["as_json"] else given["name"]
    if name == "terminal":
        click.echo(terminal.text(comparison, everything=given["everything"]))
        if given["report"] is not None:
            click.echo(f"  Page      {given['report'] / 'compare.html'}")
    else:
        click.echo(files.FORMATS[name](comparison), nl=False)
