"""`harness baseline`: which runs later ones are compared with."""

from typing import TYPE_CHECKING, Any

import click

from harness.cli.basic_options import ALLOW_HOST
from harness.cli.history import with_history
from harness.foundation.errors import PASSED, UsageError
from harness.foundation.untrusted.documents import short
from harness.foundation.untrusted.printable import as_json as json_text
from harness.foundation.untrusted.printable import printable

if TYPE_CHECKING:
    from harness.history.location import Place
    from harness.history.opening import Connection


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Choose the runs that `harness compare` and `harness nightly` use as the baseline.

    \b
    harness baseline show
    harness baseline set release-1.4

    Each combination of scenario, server and machine has its own baseline. Without one that was set, the runs of the last five
    good nights are the baseline.
    """


@command.command(name="set")
@click.argument("names", nargs=-1, required=True, metavar="RUN|TAG|BRANCH...")
@ALLOW_HOST
def set_(names: tuple[str, ...], allowed_hosts: tuple[str, ...]) -> int:
    """Make these runs the baseline of their kind."""
    from harness.history import lookup, marks

    async def put(connection: "Connection", _: "Place") -> list[Any]:
        runs = {run.run_id: run for name in names for run in await lookup.named(connection, name)}
        fit = [run for run in runs.values() if run.excluded is None and run.verdict != "unknown"]
        if not fit:
            raise UsageError(
                f"No run that counts is called {short(' '.join(names), 120)}",
                "There is none in the history, or all of them are excluded or unknown",
                "`harness history list` says which there are",
            )
        if len({(run.series.alike, run.protocol) for run in fit}) > 1:
            raise UsageError(
                f"{short(' '.join(names), 120)} are runs of different kinds",
                "A baseline is of one scenario, server, machine and protocol",
                "Name the runs one by one",
            )
        await marks.set_baseline(connection, fit)
        return fit

    for run in with_history(put, allowed_hosts):
        click.echo(printable(f"{run.run_id} is in the baseline of {run.series.scenario}"))
    return PASSED


@command.command()
@click.argument("run")
@ALLOW_HOST
def clear(run: str, allowed_hosts: tuple[str, ...]) -> int:
    """Let the last good nights be the baseline again, for runs of the kind of RUN."""
    from harness.history import marks

    async def put(connection: "Connection", _: "Place") -> str:
        record = await marks.one(connection, run)
        await marks.clear_baseline(connection, record.series)
        return record.series.scenario

    click.echo(printable(f"The baseline of {with_history(put, allowed_hosts)} is its last good nights"))
    return PASSED


@command.command()
@ALLOW_HOST
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(allowed_hosts: tuple[str, ...], *, as_json: bool) -> int:
    """Show the baseline of each kind of runs."""
    from harness.cli.history_tables import as_object, listed
    from harness.history import marks

    async def find(connection: "Connection", _: "Place") -> list[Any]:
        kinds = await marks.kinds(connection)
        return [(kind, await marks.baseline(connection, kind)) for kind in kinds]

    baselines = [(kind, runs) for kind, runs in with_history(find, allowed_hosts) if runs]
    if as_json:
        rows = [
            {"scenario": kind.scenario, "target": kind.target, "machine": kind.machine,
             "runs": [as_object(run) for run in runs]}
            for kind, runs in baselines
        ]  # fmt: skip
        click.echo(json_text({"schema": 1, "baselines": rows}))
        return PASSED
    for kind, runs in baselines:
        click.echo(
            printable(
                f"{kind.scenario} on {kind.target or 'a server without a name'}, machine {kind.machine}"
            )
        )
        click.echo(f"{listed(runs)}\n")
    if not baselines:
        click.echo("No baseline: nobody set one, and there was no good night (harness nightly)")
    return PASSED
