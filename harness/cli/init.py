"""`harness init`: a folder for the tests of one server, with files that work at once."""

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click

from harness.cli.basic_options import ALLOW_HOST
from harness.cli.init_files import VERIFY, Server, files
from harness.cli.init_trial import Trial, tried
from harness.cli.options import header, words
from harness.foundation.errors import PASSED, UsageError
from harness.foundation.untrusted.documents import short
from harness.foundation.untrusted.printable import printable
from harness.scenario.model import PROTOCOLS

LOCK: Final = "tools.lock.json"
STDIO_S: Final = 90.0  # for one exchange with a server that has to be started first, and fetched by npx


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--url",
    metavar="URL",
    help="Address of your server. Without it, and --command, the files are for the reference server.",
)
@click.option(
    "--command",
    "stdio_command",
    metavar="'PROGRAM ...'",
    help="Command of your server, if it speaks over its standard input and output.",
)
@click.option(
    "--protocol", type=click.Choice(PROTOCOLS), default="auto", show_default=True, help="Protocol to use."
)
@click.option(
    "-H",
    "--header",
    "headers",
    multiple=True,
    metavar="'Name: value'",
    help="HTTP header to send; the files name a variable in its place, unless the value is ${NAME} already; repeatable.",
)
@ALLOW_HOST
@click.option("--force", is_flag=True, help="Write over files of the same names.")
def command(
    directory: Path,
    url: str | None,
    stdio_command: str | None,
    protocol: str,
    headers: tuple[str, ...],
    allowed_hosts: tuple[str, ...],
    *,
    force: bool,
) -> int:
    """Make a folder with tests of your server: scenarios, an experiment, locustfiles, verify.yaml, a CI job, a README.

    Read-only tools are called once, with example arguments, before anything is written: what worked is the first scenario.
    Nothing is written over without --force, and no secret is written.

    \b
    harness init loadtests --url http://127.0.0.1:3001/mcp
    harness init loadtests --command 'npx -y @modelcontextprotocol/server-everything'
    """
    if url and stdio_command:
        raise UsageError("--url and --command name two servers", "", "Leave one of them out")
    server = _server(url, stdio_command, protocol, headers, allowed_hosts)
    trial = _trial(server, headers)
    texts = files(server, trial)
    _check_free(directory, [*texts, *([VERIFY, LOCK] if server.is_own else [])], force=force)
    for name, text in texts.items():
        _write(directory / name, text)
    if server.is_own:
        _learn(server, headers, trial, directory, force=force)
    _say(directory, server, trial, texts)
    return PASSED


def _server(
    url: str | None,
    stdio_command: str | None,
    protocol: str,
    headers: tuple[str, ...],
    allowed: tuple[str, ...],
) -> Server:
    from harness.foundation.secrets import redact

    argv = tuple(words(stdio_command, "--command")) if stdio_command else ()
    for option, text, shown in (
        ("--url", url or "", redact.url(url) if url else ""),
        ("--command", " ".join(argv), " ".join(redact.command_line(list(argv)))),
    ):
        if _without_names(text) != _without_names(shown):
            if "@" in urlsplit(url or "").netloc:
                raise UsageError(
                    f"{option} has a user and a password, and would be written into files",
                    "Files name credentials, and do not hold them",
                    "Give them as a header: -H 'Authorization: Basic ${BASIC}', with both in base64 in the variable",
                )
            raise UsageError(
                f"{option} holds a secret, and would be written into files",
                "A password or token in an address or on a command line",
                f"Put it into a variable, and write ${{NAME}} in its place, in single quotes: {option} '...${{MY_TOKEN}}...'",
            )
    named = {
        name: value if "${" in value else f"${{{_variable(name)}}}" for name, value in map(header, headers)
    }
    return Server(url or "", argv, protocol, named, allowed)


def _without_names(text: str) -> str:
    return re.sub(r"\$\{\w+\}|\*+", "", text)


def _variable(name: str) -> str:
    return "MCP_" + re.sub(r"\W", "_", name).upper()


def _trial(server: Server, headers: tuple[str, ...]) -> Trial:
    if not server.is_own:
        return Trial("auto", "the reference server")
    click.echo("Looking at the server, and calling its read-only tools once", err=True)
    url, argv, sent = _expanded((server.url, list(server.command), dict(map(header, headers))))
    return tried(url, argv, server.protocol, sent, server.allowed)


def _expanded(value: Any) -> Any:
    """Fill in ${NAME} from the environment, as a scenario would."""
    from harness.foundation.secrets import hiding

    if isinstance(value, dict):
        return {key: _expanded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_expanded(item) for item in value]

    def filled(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise UsageError(
                f"The variable {match[1]} is not set", "It is named with ${...}", f"export {match[1]}=..."
            )
        hiding.learn(os.environ[match[1]])
        return os.environ[match[1]]

    return re.sub(r"\$\{(\w+)\}", filled, value)


def _check_free(directory: Path, names: list[str], *, force: bool) -> None:
    there = [name for name in names if os.path.lexists(directory / name)]
    if there and not force:
        raise UsageError(
            f"{short(str(directory), 120)} has {', '.join(there[:5])} already",
            "Nothing is written over",
            "Give another directory, or --force to write over these files",
        )


def _write(path: Path, text: str) -> None:
    from harness.run_directory.directory import write_whole

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        raise UsageError(
            f"Cannot write {short(str(path), 120)}",
            error.strerror or str(error),
            "Give a directory that can be written",
        ) from error


def _learn(server: Server, headers: tuple[str, ...], trial: Trial, directory: Path, *, force: bool) -> None:
    """Learn verify.yaml from the server, by the machinery of `harness verify --learn`; its tools have been tried already."""
    import tempfile

    from harness.mcp import stdio_address
    from harness.verify.opening import opened
    from harness.verify.settings import Settings
    from harness.verify.spec.learn import learn

    if force:
        for name in (VERIFY, LOCK):
            (directory / name).unlink(missing_ok=True)
    url, argv, sent = _expanded((server.url, list(server.command), dict(map(header, headers))))
    asked = Settings(url=url or stdio_address.address(argv), headers=sent, allowed_hosts=server.allowed)
    if argv:
        asked = replace(asked, timeout_s=STDIO_S)
    safe = {entry["call"]: entry["args"] for entry in trial.works}
    with (
        tempfile.TemporaryDirectory(prefix="harness-init-") as place,  # of what the janitor must know
        opened(asked, (lambda: Path(place)) if argv else None) as target,
    ):
        learn(target, directory / VERIFY, safe=safe)
    path = directory / VERIFY
    text = path.read_text(encoding="utf-8")
    for name, value in server.headers.items():  # one variable for all files
        text = text.replace(f"${{VERIFY_{_variable(name).removeprefix('MCP_')}}}", value)
    _write(path, text)


def _say(directory: Path, server: Server, trial: Trial, texts: Mapping[str, str]) -> None:
    names = [*texts, *([VERIFY, LOCK] if server.is_own else [])]
    lines = [f"{trial.name}, {trial.protocol}"] if server.is_own else []
    lines += [f"  wrote {name}" for name in sorted(names)]
    if server.is_own and not trial.works:
        lines.append(
            "No read-only tool could be called without knowing more: the scenario lists the tools; name one in it"
        )
    lines.append(
        f"Next: cd {shlex.quote(str(directory))} && harness run scenarios/first.yaml      (README.md has the rest)"
    )
    click.echo("\n".join(printable(line) for line in lines))
