"""`harness verify`: is this deployment fit to serve?"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import POSITIVE_DURATION, header
from harness.foundation.errors import PASSED, UsageError
from harness.foundation.untrusted import printable

if TYPE_CHECKING:
    from harness.verify.running import Listed
    from harness.verify.settings import Settings

CATEGORIES = (
    "reach", "auth", "protocol", "tools", "sessions", "data", "queue", "tasks", "deploy", "limits", "concurrency",
)  # fmt: skip


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True), metavar="[PATH]...")
@click.option("--url", metavar="URL", envvar="HARNESS_URL", help="Address of the deployment.")
@click.option(
    "-H",
    "--header",
    "headers",
    multiple=True,
    metavar="'Name: value'",
    help="HTTP header to send with every request; repeatable.",
)
@click.option(
    "--wait",
    type=POSITIVE_DURATION,
    help="Wait this long for a deployment that is coming up, before anything is checked.",
)
@click.option(
    "--timeout",
    type=POSITIVE_DURATION,
    default="10s",
    show_default=True,
    help="Time limit for one exchange.",
)
@click.option("--priority", type=click.Choice(["1", "2"]), help="Run only the checks of this priority.")
@click.option(
    "--category",
    "categories",
    multiple=True,
    type=click.Choice(CATEGORIES),
    help="Run only the checks of this category; repeatable.",
)
@click.option("-k", "pattern", metavar="PATTERN", help="Run only the checks whose names match, as in pytest.")
@click.option("--list", "only_list", is_flag=True, help="List the checks; run none.")
@click.option("--keep-going", is_flag=True, help="Run the remaining checks after a P1 check failed.")
@click.option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="HOST",
    help="Allow connections to this host, a name or an IP address, besides this machine; repeatable.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    envvar="HARNESS_OUT",
    default=Path("reports"),
    show_default=True,
    help="Directory in which results are kept.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as one JSON object (CTRF).")
def command(
    paths: tuple[str, ...],
    url: str | None,
    headers: tuple[str, ...],
    wait: str | None,
    timeout: str,
    priority: str | None,
    categories: tuple[str, ...],
    pattern: str | None,
    *,
    only_list: bool,
    keep_going: bool,
    allowed_hosts: tuple[str, ...],
    out: Path,
    as_json: bool,
) -> int:
    """Check whether a deployment is fit to serve: real calls, no load. PATHs are checks of your own.

    \b
    harness verify --url http://127.0.0.1:8000/mcp
    harness verify --url http://127.0.0.1:8000/mcp --wait 60s --priority 1
    harness verify --list

    Exit code 0 when every check held, 1 when one failed that must hold (P1), 8 when only checks of quality (P2) failed,
    3 when something could not be decided or nothing ran, 4 when nobody answered.
    """
    from harness.foundation.units import duration_s
    from harness.run_directory import private_files
    from harness.verify.running import Recorder, run
    from harness.verify.settings import Settings

    settings = Settings(
        url=url or "",
        headers=dict(map(header, headers)),
        timeout_s=duration_s(timeout),
        allowed_hosts=allowed_hosts,
        priority=int(priority) if priority else None,
        categories=frozenset(categories),
        keep_going=keep_going,
        pattern=pattern or "",
    )
    if only_list:
        recorder = Recorder(lambda _: None)
        run(settings, paths, recorder, only_list=True)
        click.echo(_listing(recorder.listed, as_json=as_json))
        return PASSED
    if not settings.url.strip():
        raise UsageError(
            "There is nothing to verify",
            "No address was given" if url is None else "--url is empty: a shell variable may not be set",
            "Give --url http://127.0.0.1:8000/mcp; `harness serve` is a server to try it on",
        )
    private_files.begin()
    return _verified(settings, paths, duration_s(wait) if wait else 0.0, out, as_json=as_json)


def _verified(
    settings: "Settings", paths: tuple[str, ...], wait_s: float, out: Path, *, as_json: bool
) -> int:
    from harness.verify.results import files
    from harness.verify.results.checklist import Checklist
    from harness.verify.results.ctrf import ctrf
    from harness.verify.suite import verify

    stream = sys.stderr if as_json else sys.stdout
    shown = Checklist(lambda line: click.echo(line, file=stream), colour=stream.isatty())
    shown.began(settings.url)
    suite = verify(settings, paths, shown.ended, wait_s=wait_s)
    place = files.create(out, suite.started_ms)
    files.write(place, suite)
    shown.finished(suite, str(place))
    if as_json:
        click.echo(printable.as_json(ctrf(suite)))
    return suite.exit_code


def _listing(listed: "list[Listed]", *, as_json: bool) -> str:
    """A line a check: priority, category, and the name by which -k finds it."""
    if as_json:
        return printable.as_json(
            [{"priority": each.priority, "category": each.category, "test": each.place} for each in listed]
        )
    return printable.lines(
        "\n".join(f"P{each.priority}  {each.category:<11} {each.place}" for each in listed)
    )
