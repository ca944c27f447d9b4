"""`harness trend`: each figure of a scenario over the runs in the history, and where it changed for good."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.basic_options import ALLOW_HOST
from harness.cli.history import with_history
from harness.foundation.errors import PASSED, UsageError
from harness.foundation.untrusted.printable import as_json as json_text
from harness.foundation.untrusted.printable import printable

if TYPE_CHECKING:
    from harness.history.location import Place
    from harness.history.opening import Connection
    from harness.history.trend.series import Trend


@click.command()
@click.argument("scenario", required=False)
@click.option("--branch", metavar="NAME", help="Only runs of this branch.")
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
    help="Mark the change that begins with this run as a false positive, for good.",
)
@click.option("--why", metavar="TEXT", default="", help="With --false-positive: the reason.")
@ALLOW_HOST
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(scenario: str | None, **given: Any) -> int:
    """Show each figure, objective and recovery of SCENARIO [default: that of the newest run] over the nights in the history.

    A statistical test (E-divisive) separates lasting changes from noise. A trend has no verdict: the exit code
    is 0 whatever it finds. For a verdict, use harness compare or harness nightly.

    \b
    harness trend nightly
    harness trend nightly --report trend.html
    harness trend --false-positive 20261120T031702Z-5c1f0a 'steady: p95' --why "the disk was full"
    """
    import msgspec

    from harness.history.trend import sparkline

    trends = with_history(_trends(scenario, given), given["allowed_hosts"])
    if not trends:
        raise UsageError(
            "There is no trend",
            "The history has no runs of load",
            "harness history import DIR brings runs in",
        )
    if given["report"] is not None:
        _write(given["report"], trends)
    if given["as_json"]:
        click.echo(json_text({"schema": 1, "trends": msgspec.to_builtins(trends)}))
        return PASSED
    for one in trends:
        click.echo(sparkline.text(one))
    if given["report"] is not None:
        click.echo(printable(f"  Page      {given['report']}"))
    return PASSED


def _write(file: Path, trends: "list[Trend]") -> None:
    from harness.history.trend import page
    from harness.run_directory.directory import write_whole

    try:
        write_whole(file, page.page(trends))
    except OSError as error:
        raise UsageError(
            f"Cannot write {file}", error.strerror or str(error), "Give a writable file with --report"
        ) from error


def _trends(scenario: str | None, given: Mapping[str, Any]) -> Any:
    async def find(connection: "Connection", _: "Place") -> "list[Trend]":
        from harness.history import change_points_kept, marks, over_time
        from harness.history.trend.series import trend

        if given["false_positive"]:
            run, figure = given["false_positive"]
            of, colon, name = figure.rpartition(":")
            if not colon:
                raise UsageError(
                    f"{figure} is no figure of a trend", "It has no colon", "For example 'steady: p95'"
                )
            run_found = await marks.one(connection, run)
            await change_points_kept.dismiss(connection, run_found, of.strip(), name.strip(), given["why"])
        series = await over_time.read(connection, scenario, given["branch"])
        trends = [trend(one) for one in series]
        for number in {one.number for one in series}:  # one series, whatever protocols its runs spoke
            changes = [
                change
                for one, drawn in zip(series, trends, strict=True)
                if one.number == number
                for change in drawn.changes
            ]
            await change_points_kept.keep(connection, number, changes)
        return trends

    return find
