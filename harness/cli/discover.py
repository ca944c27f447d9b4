"""`harness discover`: a server's protocol, name and tools. It makes three to six requests, and no load.

With `--out` it calls once what only reads, too, and writes a scenario with these calls.

A server that speaks over stdio is started for it, two or three times, and ended with all that it has started.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from harness.cli import access_options, new_file
from harness.cli.access_options import AUTH, UNIX_SOCKET, WAIT, with_tls
from harness.cli.basic_options import ALLOW_HOST, POSITIVE_DURATION
from harness.cli.options import header, words
from harness.foundation.errors import PASSED, UsageError
from harness.foundation.units import duration_s
from harness.foundation.untrusted import printable
from harness.mcp.tool import properties, required
from harness.scenario.model import PROTOCOLS

if TYPE_CHECKING:
    from harness.client.preflight import Discovered
    from harness.client.trial_calls import Tried
    from harness.conduct.setup.proposed_access import Access

CALL_S = 30.0  # for one call that is tried
NAME_CHARS = 120
TAKES_CHARS = 200
DESCRIPTION_CHARS = 60


@click.command()
@click.argument("url", required=False)
@click.option(
    "--command",
    "stdio_command",
    metavar="'PROGRAM ...'",
    help="Instead of URL: the command of a server that speaks over its standard input and output; it is started for this.",
)
@click.option(
    "--protocol", type=click.Choice(PROTOCOLS), default="auto", show_default=True, help="Protocol to use."
)
@click.option(
    "--timeout",
    type=POSITIVE_DURATION,
    help="Time limit for all requests together [default: 5s; 90s with --command].",
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
@WAIT
@ALLOW_HOST
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Call once what only reads, and write a scenario with these calls, to edit and to run.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    url: str | None,
    stdio_command: str | None,
    protocol: str,
    timeout: str | None,
    headers: tuple[str, ...],
    auth: str | None,
    cacert: str | None,
    cert: str | None,
    key: str | None,
    unix_socket: str | None,
    wait: str | None,
    allowed_hosts: tuple[str, ...],
    *,
    out: Path | None,
    insecure: bool,
    as_json: bool,
) -> int:
    """Ask a server which protocol it speaks and which tools it has, and print a command to load it.

    \b
    harness discover http://127.0.0.1:3001/mcp
    harness discover --command 'npx -y @modelcontextprotocol/server-everything'
    harness discover http://127.0.0.1:3001/mcp --out scenario.yaml

    Exit code 4 when nothing answers there, 2 when what answers does not speak MCP as asked.
    """
    url = access_options.at_socket(url, unix_socket)
    if (url is None) == (stdio_command is None):
        raise UsageError(
            "Which server is to be asked?",
            "It is named by its URL, or started by --command",
            "For example harness discover http://127.0.0.1:8000/mcp",
        )
    if out is not None:
        new_file.check(out, hint=", or remove it")
    sent = dict(map(header, headers))
    if url is None:
        asked = _over_stdio(str(stdio_command), protocol, timeout or "90s", sent, trying=out is not None)
    else:
        given = {
            "auth": auth,
            "wait": wait,
            "cacert": cacert,
            "cert": cert,
            "key": key,
            "insecure": insecure,
        }
        data = {"url": url, "protocol": protocol, "headers": sent, **access_options.target_data(given)}
        asked = _at(data, timeout or "5s", allowed_hosts, trying=out is not None)
    code = _show(asked, as_json=as_json)
    if out is not None:
        _write(out, asked, as_json=as_json)
    return code


@dataclass(frozen=True, slots=True)
class Asked:
    """A server that was asked: its address as it is shown, the way to it, the target of a scenario, what it said, what was tried."""

    shown: str
    access: "Access"
    target: Mapping[str, Any]
    found: "Discovered"
    tried: "Sequence[Tried]"


async def _look(
    address: str, protocol: str, headers: Mapping[str, str], timeout_s: float, *, trying: bool
) -> "tuple[Discovered, Sequence[Tried]]":
    from harness.client.preflight import preflight
    from harness.conduct.setup.call_all import tried_once

    discovered = await preflight(address, protocol, headers=headers, timeout_s=timeout_s)
    if not trying:
        return discovered, ()
    call_s = max(timeout_s, CALL_S)
    return discovered, await tried_once(address, discovered, headers=headers, timeout_s=call_s, seed=0)


def _at(data: Mapping[str, Any], timeout: str, allowed_hosts: tuple[str, ...], *, trying: bool) -> Asked:
    """Ask the server at a URL, as a run would reach it."""
    from contextlib import AsyncExitStack

    from harness.client.preflight import check_headers
    from harness.conduct.setup.authorization import authorized
    from harness.conduct.setup.proposed_access import to_url
    from harness.conduct.setup.vetted_addresses import looked_up, server
    from harness.foundation.addresses import resolved
    from harness.foundation.clock import RealClock
    from harness.foundation.secrets import redact
    from harness.load.address import credentials, doors
    from harness.scenario.read import target_of

    target = target_of(data, "harness discover")
    url = target.url or ""
    places = doors(url, target.protocol)
    asked = places.ws_url if target.protocol == "websocket" else places.mcp_url
    headers = credentials(url) | target.headers
    check_headers(headers)

    async def ask() -> "tuple[Discovered, Sequence[Tried]]":
        wanted = server(url, target.protocol, os.environ, "This goes")
        with resolved.in_force(await looked_up(wanted, allowed_hosts)):
            async with AsyncExitStack() as stack:
                await authorized(stack, target, asked, headers, list(allowed_hosts), RealClock(), _note)
                return await _look(asked, target.protocol, headers, duration_s(timeout), trying=trying)

    shown = redact.url(asked)
    access = to_url(data["url"], asked, data["headers"])
    kept = {key: data[key] for key in ("auth", "tls") if key in data}
    as_target = {"url": access.url, **({"headers": access.headers} if access.headers else {}), **kept}
    return Asked(shown, access, as_target, *asyncio.run(ask()))


def _note(line: str) -> None:
    click.echo(printable.printable(line), err=True)


def _over_stdio(text: str, protocol: str, timeout: str, headers: Mapping[str, str], *, trying: bool) -> Asked:
    """Start a server and ask it."""
    import tempfile

    from harness.conduct.setup.proposed_access import to_command
    from harness.foundation.secrets import redact, sources
    from harness.mcp import stdio_address
    from harness.scenario.model import Target
    from harness.scenario.stdio import check_stdio
    from harness.services.cleanup.janitor_process import watching

    argv = words(text, "--command")
    sources.tree({"target": {"command": argv}})
    target = Target(
        transport="stdio",
        command=argv,
        protocol=cast("Any", protocol),  # click has checked it
        headers=dict(headers),
    )
    check_stdio(target, "harness discover")
    address = stdio_address.address(argv)

    async def ask() -> "tuple[Discovered, Sequence[Tried]]":
        with tempfile.TemporaryDirectory(prefix="harness-discover-") as directory:
            async with watching(Path(directory) / "undo.jsonl"):
                return await _look(address, protocol, {}, duration_s(timeout), trying=trying)

    access = to_command(list(argv))
    as_target = {"transport": "stdio", "command": list(access.argv)}
    return Asked(redact.url(address), access, as_target, *asyncio.run(ask()))


def _write(out: Path, asked: Asked, *, as_json: bool) -> None:
    """Write the scenario, and say what is in it."""
    from harness.conduct.setup.workload_file import text
    from harness.run_directory.directory import write_whole

    discovered = asked.found
    server = discovered.server_name or "a server without a name"
    name = "".join(char if char.isalnum() else "-" for char in out.stem).strip("-") or "scenario"
    written = text(printable.printable(str(out)), name, server, asked.target, asked.tried)
    try:
        write_whole(out, written)
    except OSError as error:
        raise new_file.cannot(out, error) from error
    worked = sum(not one.left_out for one in asked.tried)
    named = asked.access.names()
    click.echo(
        printable.lines(
            f"Wrote {out}: {worked} {'call that was' if worked == 1 else 'calls that were'} tried and worked, "
            f"{len(asked.tried) - worked} as comments. "
            f"Run it with: harness run {out}" + (f", with {', '.join(named)} set" if named else "")
        ),
        err=as_json,
    )


def _show(asked: Asked, *, as_json: bool) -> int:
    click.echo(
        printable.as_json(_values(asked.shown, asked.found))
        if as_json
        else printable.lines("\n".join(_lines(asked.shown, asked.found, asked.access)))
    )
    return PASSED


def _values(url: str, discovered: "Discovered") -> Mapping[str, Any]:
    return {
        "url": url,
        "protocol": discovered.protocol,
        "server": {"name": discovered.server_name, "version": discovered.server_version},
        "tools": discovered.tools,
        "refused": discovered.refused,
    }


def _lines(url: str, discovered: "Discovered", access: "Access | None" = None) -> list[str]:
    from harness.conduct.setup.suggestion import commands_that_work
    from harness.mcp.versions import OFFERS_HTTP3

    named = (
        f"{discovered.server_name} {discovered.server_version or ''}".strip()
        if discovered.server_name
        else ""
    )
    name = printable.printable(named, NAME_CHARS) or "A server without a name"
    lines = [f"{name} at {url} speaks {discovered.protocol}"]
    if discovered.offers_http3:
        lines.append(OFFERS_HTTP3)
    if discovered.tools is None:
        return [*lines, "It cannot be asked for its tools"]
    lines += [_tool(tool) for tool in discovered.tools] or ["It has no tools"]
    lines += [
        f"  {printable.printable(tool, NAME_CHARS)}  must not be called: {why}"
        for tool, why in discovered.refused.items()
    ]
    there = {tool["name"]: tool for tool in discovered.tools}
    return [*lines, *(["Load one of them:", *commands_that_work(there, url, access)] if there else [])]


def _tool(tool: Mapping[str, Any]) -> str:
    """Return a tool's name, its arguments (? for optional ones), and the beginning of its description."""
    needed = {*required(tool)}
    takes = printable.printable(
        ", ".join(name if name in needed else f"{name}?" for name in properties(tool)), TAKES_CHARS
    )
    described = " ".join(str(tool.get("description") or "").split())
    description = f"  {printable.printable(described, DESCRIPTION_CHARS)}" if described else ""
    return f"  {printable.printable(str(tool['name']), NAME_CHARS)}({takes}){description}"
