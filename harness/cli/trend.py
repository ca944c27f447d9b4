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

    trends = with_history(_trends(scenario, given), given["allowed_hosts"])
    if not trends:
        raise UsageError(
            "There is no trend",
            "The history has no runs of load",
            "harness history import DIR brings runs in",
        )
    found = trends[0]
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
        click.echo(json_text({"schema": 1, "trends": msgspec.to_builtins(trends)}))
        return PASSED
    for one in trends:
        click.echo(sparkline.text(one))
    if given["report"] is not None:
        click.echo(printable(f"  Page      {given['report']}"))
    return PASSED


def _trends(scenario: str | None, given: dict[str, Any]) -> Any:
    async def find(connection: "Connection", _: "Place") -> "list[Trend]":
        from harness.history import marks, over_time
        from harness.history.trend.series import trend

        if given["false_positive"]:
            run, figure = given["false_positive"]
            of, colon, name = figure.rpartition(":")
            if not colon:
                raise UsageError(
                    f"{figure} is no figure of a trend", "It has no colon", "For example 'steady: p95'"
                )
            found = await marks.one(connection, run)
            await over_time.dismiss(connection, found, of.strip(), name.strip(), given["why"])
        return [trend(one) for one in await over_time.read(connection, scenario, given["branch"])]

    return find
