"""`harness verify`: check whether a deployment is fit to serve."""

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from harness.cli import access_options
from harness.cli.access_options import AUTH, UNIX_SOCKET, with_tls
from harness.cli.basic_options import POSITIVE_DURATION
from harness.cli.options import header, words
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
    "--command",
    "stdio_command",
    metavar="'PROGRAM ...'",
    help="Instead of --url: the command of a server that speaks over its standard input and output; each session starts one.",
)
@click.option(
    "-H",
    "--header",
    "headers",
    multiple=True,
    metavar="'Name: value'",
    help="HTTP header to send with every request, such as 'Authorization: Bearer ${TOKEN}' in single quotes; repeatable.",
)
@AUTH
@with_tls
@UNIX_SOCKET
@click.option(
    "--wait",
    type=POSITIVE_DURATION,
    help="Wait up to this long for a deployment that is still starting, before the checks.",
)
@click.option(
    "--timeout",
    type=POSITIVE_DURATION,
    help="Time limit for one exchange [default: 10s; 90s with --command].",
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
@click.option(
    "--spec",
    type=click.Path(path_type=Path),
    help="File that says what is expected (verify.yaml); it may also be given as a PATH.",
)
@click.option(
    "--trend",
    is_flag=True,
    help="Show the verifications that are in the history (with --no-history those under --out), of --url alone if it is given, and what is new in each; verify nothing.",
)
@click.option(
    "--learn",
    is_flag=True,
    help="Write --spec [default: verify.yaml] and the lock of its tools from this deployment; it should be known to be good.",
)
@click.option(
    "--allow-writes", is_flag=True, help="Allow checks to write, with the tools that the spec names."
)
@click.option(
    "--database",
    default="",
    metavar="VARIABLE[:SCHEMA]",
    help="With --learn: the environment variable that holds the URL of its PostgreSQL, and its schema [default: public].",
)
@click.option(
    "--queue",
    default="",
    metavar="VARIABLE:NAME",
    help="With --learn: the environment variable that holds the amqp:// or management URL of its RabbitMQ, and the queue.",
)
@click.option(
    "--allow-deploy",
    is_flag=True,
    help="Let checks run the commands of the spec: deploy it, stop its workers for a moment, migrate a schema of their own.",
)
@click.option(
    "--deploy-simulation",
    is_flag=True,
    help="Start a reference server, or the command of the spec's target, redeploy it during the checks, and verify that sessions survive.",
)
@click.option(
    "--target-options",
    metavar="'--OPTION VALUE ...'",
    help="Options for that server, the same as for `harness serve`, such as '--break sessions-in-memory'.",
)
@click.option(
    "--serve",
    metavar="[HOST:]PORT",
    help="Serve a gate for deploys: each request verifies, and is answered with 200 or 500; on this machine alone, unless a host is named.",
)
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
@click.option(
    "--history/--no-history",
    "history",
    envvar="HARNESS_HISTORY",
    default=True,
    help="Keep the results in the history (`harness history`), or not [default: keep them].",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as one JSON object (CTRF).")
def command(
    paths: tuple[str, ...],
    url: str | None,
    stdio_command: str | None,
    headers: tuple[str, ...],
    auth: str | None,
    cacert: str | None,
    cert: str | None,
    key: str | None,
    unix_socket: str | None,
    wait: str | None,
    timeout: str | None,
    priority: str | None,
    categories: tuple[str, ...],
    pattern: str | None,
    *,
    insecure: bool,
    spec: Path | None,
    trend: bool,
    learn: bool,
    database: str,
    queue: str,
    allow_writes: bool,
    allow_deploy: bool,
    deploy_simulation: bool,
    target_options: str | None,
    serve: str | None,
    only_list: bool,
    keep_going: bool,
    allowed_hosts: tuple[str, ...],
    out: Path,
    history: bool,
    as_json: bool,
) -> int:
    """Check whether a deployment is fit to serve: real calls, no load. PATHs are checks of your own, or a
    verify.yaml that says what is expected.

    \b
    harness verify --url http://127.0.0.1:8000/mcp
    harness verify --url http://127.0.0.1:8000/mcp --wait 60s --priority 1
    harness verify --url http://127.0.0.1:8000/mcp --learn
    harness verify --url http://127.0.0.1:8000/mcp verify.yaml
    harness verify --command 'npx -y @modelcontextprotocol/server-everything'
    harness verify --deploy-simulation
    harness verify --url http://127.0.0.1:8000/mcp --serve 8090
    harness verify --list
    harness verify --trend

    Exit code 0 when every check held, 1 when one failed that must hold (P1), 8 when only checks of quality (P2) failed,
    3 when something could not be decided or nothing ran, 4 when nobody answered.
    """
    from harness.foundation.units import duration_s
    from harness.run_directory import private_files
    from harness.verify.running import Recorder, run
    from harness.verify.settings import Settings
    from harness.verify.spec.model import Spec
    from harness.verify.spec.read import NAME, read_file

    if trend:
        from harness.cli.verify_history import trend as shown

        return shown(out, url or "", allowed_hosts, history=history, as_json=as_json)
    if stdio_command is not None:
        url = _over_stdio(stdio_command, url, (*headers, *([auth] if auth else [])))
    paths, spec = _divided(paths, spec)
    url = access_options.at_socket(url, unix_socket)
    given = {"cacert": cacert, "cert": cert, "key": key, "insecure": insecure}
    click.get_current_context().with_resource(access_options.going(url or "", given, _tell))
    settings = Settings(
        url=url or "",
        headers=access_options.headers(dict(map(header, headers))),
        auth_flag=auth or "",
        timeout_s=duration_s(timeout or ("90s" if stdio_command else "10s")),
        allowed_hosts=allowed_hosts,
        priority=int(priority) if priority else None,
        categories=frozenset(categories),
        keep_going=keep_going,
        pattern=pattern or "",
        spec_path=str(spec) if spec and not learn else "",
        spec=read_file(spec) if spec and not learn else Spec(),
        allow_writes=allow_writes,
        allow_deploy=allow_deploy,
    )
    if serve is not None:
        from harness.cli.verify_gate import gate

        return gate(serve, settings, out)
    if only_list:
        recorder = Recorder(lambda _: None)
        run(settings, paths, recorder, only_list=True)
        click.echo(_listing(recorder.listed, as_json=as_json))
        return PASSED
    if deploy_simulation:
        from harness.cli.verify_simulated import simulated

        return simulated(
            settings, spec, paths, out, words(target_options or ""), history=history, as_json=as_json
        )
    if target_options:
        raise UsageError(
            "--target-options are for a server that is started here",
            "The one at --url has options of its own",
            "Add --deploy-simulation, or leave them out",
        )
    if not settings.url.strip():
        raise UsageError(
            "There is nothing to verify",
            "No address was given" if url is None else "--url is empty: a shell variable may not be set",
            "Give --url http://127.0.0.1:8000/mcp; `harness serve` is a server to try it on",
        )
    if learn:
        return _learnt(settings, spec or Path(NAME), database, queue)
    if database or queue:
        raise UsageError(
            "--database and --queue say what is to be learnt",
            "What is to be verified stands in verify.yaml",
            "Add --learn, or leave them out",
        )
    private_files.begin()
    return _verified(
        settings, paths, duration_s(wait) if wait else 0.0, out, history=history, as_json=as_json
    )


def _over_stdio(text: str, url: str | None, headers: tuple[str, ...]) -> str:
    """Return the address of a server that its command starts."""
    from harness.foundation.secrets import sources
    from harness.mcp import stdio_address

    typed = click.get_current_context().get_parameter_source("url")
    if (url and typed is ParameterSource.COMMANDLINE) or headers or not text.strip():
        raise UsageError(
            "--command starts the server that is verified",
            "It speaks over its standard input and output: it has no address, and takes no headers",
            "Give the command alone, such as --command 'npx -y @modelcontextprotocol/server-everything'; or --url",
        )
    argv = [access_options.expanded(word, "--command") for word in words(text, "--command")]
    sources.tree({"target": {"command": argv}})
    return stdio_address.address(argv)


def _tell(line: str) -> None:
    click.echo(printable.printable(line), err=True)


def _verified(
    settings: "Settings", paths: tuple[str, ...], wait_s: float, out: Path, *, history: bool, as_json: bool
) -> int:
    from harness.cli.verify_output import checklist, kept, told
    from harness.verify.results import files
    from harness.verify.suite import verify
    from harness.verify.target import CLOCK

    shown = checklist(as_json=as_json)
    shown.began(settings.url)
    place = cache(lambda: files.create(out, CLOCK.utc()))
    suite = verify(settings, paths, shown.ended, wait_s=wait_s, place=place)
    told(suite, place(), shown, as_json=as_json)
    return kept(suite, settings, place(), history=history)


def _divided(paths: tuple[str, ...], spec: Path | None) -> tuple[tuple[str, ...], Path | None]:
    """Checks, and the one file that says what is expected."""
    files = [*([spec] if spec else []), *(Path(path) for path in paths if path.endswith((".yaml", ".yml")))]
    if len(files) > 1:
        raise UsageError(
            "There are two files that say what is expected",
            ", ".join(str(path) for path in files),
            "Give one; a run verifies one deployment",
        )
    return tuple(path for path in paths if not path.endswith((".yaml", ".yml"))), next(iter(files), None)


def _learnt(settings: "Settings", path: Path, database: str, queue: str) -> int:
    from dataclasses import replace
    from functools import partial

    from harness.verify.backends import learning
    from harness.verify.opening import opened
    from harness.verify.spec.learn import learn

    asked = learning.named(database, queue)
    settings = replace(settings, spec=learning.spec_of(asked, os.environ))
    with opened(settings) as target:
        for line in learn(target, path, partial(learning.learnt, asked=asked)):
            click.echo(printable.printable(line))
    return PASSED


def _listing(listed: "list[Listed]", *, as_json: bool) -> str:
    """Return a line for each check: priority, category, and the name that -k matches."""
    if as_json:
        return printable.as_json(
            [{"priority": each.priority, "category": each.category, "test": each.place} for each in listed]
        )
    return printable.lines(
        "\n".join(f"P{each.priority}  {each.category:<11} {each.place}" for each in listed)
    )
