"""Options that leak, idle and sessions share: which server, and where its process is."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.access_options import AUTH, TLS, WAIT, target_data
from harness.cli.basic_options import ALLOW_HOST, OUT, POSITIVE_DURATION
from harness.cli.options import header, words
from harness.foundation.errors import UsageError
from harness.foundation.units import duration_s
from harness.foundation.untrusted.printable import printable
from harness.scenario.model import PROTOCOLS

if TYPE_CHECKING:
    from harness.conduct.capacity.door import ServerRequest

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_SERVER: tuple[Decorator, ...] = (
    click.option(
        "--url",
        metavar="URL",
        envvar="HARNESS_URL",
        help="Address of the server under test. Without it, the harness starts its reference server.",
    ),
    click.option(
        "--target-options", metavar="'--OPTION VALUE ...'", help="Options for the reference server."
    ),
    click.option(
        "--protocol",
        type=click.Choice([name for name in PROTOCOLS if name != "websocket"]),
        default="auto",
        show_default=True,
        help="Protocol to use.",
    ),
    click.option(
        "--timeout",
        type=POSITIVE_DURATION,
        default="10s",
        show_default=True,
        help="Time limit for one exchange.",
    ),
    click.option(
        "-H",
        "--header",
        "headers",
        multiple=True,
        metavar="'Name: value'",
        help="HTTP header to send with every request; repeatable.",
    ),
    AUTH,
    *TLS,
    WAIT,
)
_PROCESS: tuple[Decorator, ...] = (
    click.option(
        "--pid",
        type=click.IntRange(1),
        help="Process to look at [default: the one that listens at the URL, if it is here].",
    ),
    click.option(
        "--cgroup",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        help="Control group to look at, such as a container's.",
    ),
)
_RESULT: tuple[Decorator, ...] = (
    ALLOW_HOST,
    OUT,
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
)


def of_a_server(*, process: bool) -> Decorator:
    """Add the options; with `process`, also those that say where its process is."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed((*_SERVER, *(_PROCESS if process else ()), *_RESULT)):
            command = option(command)
        return command

    return add


def server(given: Mapping[str, Any]) -> "ServerRequest":
    """Which server was asked for."""
    from harness.cli.load_command import check_options
    from harness.conduct.capacity.door import ServerRequest
    from harness.scenario.read import target_of

    url, options = given["url"], words(given["target_options"] or "")
    if url is not None and not url.strip():
        raise UsageError(
            "--url is empty",
            "A shell variable that is not set would test the reference server instead of yours",
            "Give the address, or leave --url out to test the reference server",
        )
    if url is not None and options:
        raise UsageError(
            "--target-options are for the reference server",
            "The one at --url has options of its own",
            "Leave one of them out",
        )
    check_options(options)
    reached = target_data(given)
    if url is None and reached:
        raise UsageError(
            "--auth, --wait and the options of certificates are for the server at a URL",
            "The reference server asks for no authorization, and speaks plain HTTP",
            "Give --url, or leave them out",
        )
    named = {"url": url, "protocol": given["protocol"], "headers": dict(map(header, given["headers"]))}
    return ServerRequest(
        target=target_of({**named, **reached}, "This"),
        timeout_s=duration_s(given["timeout"]),
        allowed_hosts=given["allowed_hosts"],
        pid=given.get("pid"),
        cgroup=given.get("cgroup"),
        options=tuple(options),
    )


def told(line: str) -> None:
    """Say on standard error how the server is reached."""
    click.echo(printable(line), err=True)
