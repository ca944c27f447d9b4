"""`harness trend`: each figure of a scenario over the runs in the history, and where it changed for good."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.history import with_history
from harness.cli.options import ALLOW_HOST
from harness.foundation.errors import PASSED, UsageError
from harness.foundation.untrusted.printable import as_json as json_text
from harness.foundation.untrusted.printable import printable

if TYPE_CHECKING:
    from harness.history.opening import Connection
    from harness.history.place import Place
    from harness.history.trend.series import Trend


@click.command()
@click.argument("scenario", required=False)
@click.option("--branch", metavar="NAME", help="Only runs of this branch.")
@click.option(
    "--most",
    type=click.IntRange(8, 1000),
    default=200,
    show_default=True,
    help="Look at so many runs, the newest.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the HTML page here.",
)
@click.option(
    "--false-positive",
    nargs=2,
    metavar="RUN 'OF: FIGURE'",
    help="Mark the change that begins with this run as false; it stays marked.",
)
@click.option("--why", metavar="TEXT", default="", help="Why it is false, with --false-positive.")
@ALLOW_HOST
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(scenario: str | None, **given: Any) -> int:
    """Show how each figure of SCENARIO [default: that of the newest run] went over the runs in the history.

    A change for good is told from noise by E-divisive; it decides nothing: harness compare and harness nightly do.

    \b
    harness trend nightly
    harness trend nightly --report trend.html
    harness trend --false-positive 20261120T031702Z-5c1f0a 'steady: p95' --why "the disk was full"
    """
    import msgspec

    from harness.history.trend import page, sparkline
    from harness.run_directory.directory import write_whole

    found = with_history(_trend(scenario, given), given["allowed_hosts"])
    if given["report"] is not None:
        try:
            write_whole(given["report"], page.page(found))
        except OSError as error:
            raise UsageError(
                f"Cannot write {given['report']}",
                error.strerror or str(error),
                "Give a writable file with --report",
            ) from error
    if given["as_json"]:
        click.echo(json_text({"schema": 1, **msgspec.to_builtins(found)}))
    else:
        click.echo(sparkline.text(found))
        if given["report"] is not None:
            click.echo(printable(f"  Page      {given['report']}"))
    return PASSED


def _trend(scenario: str | None, given: dict[str, Any]) -> Any:
    async def find(connection: "Connection", _: "Place") -> "Trend":
        from harness.history import store
        from harness.history.trend import false_positives
        from harness.history.trend.series import trend

        if given["false_positive"]:
            run_id, figure = given["false_positive"]
            await false_positives.mark(connection, run_id, figure, given["why"])
        name = scenario
        if name is None:
            newest = await store.find(connection, store.Where(branch=given["branch"]), most=1, parts=False)
            name = newest[0].series.scenario if newest else ""
        runs = await store.find(
            connection, store.Where(scenario=name, branch=given["branch"]), most=given["most"]
        )
        if not runs:
            raise UsageError(
                "There is no trend",
                f"The history has no run of {name}" if name else "The history has no runs",
                "harness history list shows its runs; harness history import DIR brings runs in",
            )
        marked = await false_positives.marked(connection, name)
        return trend([run.measured for run in runs], {run.run_id: run.commit for run in runs}, marked)

    return find
