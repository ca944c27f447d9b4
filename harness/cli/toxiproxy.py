"""`harness toxiproxy`: install Toxiproxy, run it, show its status."""

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.basic_options import ALLOW_HOST
from harness.foundation.errors import FAULT_BACKEND_UNREACHABLE, PASSED, not_started
from harness.foundation.untrusted import printable

if TYPE_CHECKING:
    from harness.services.toxiproxy.server import Status


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Install, start or look at Toxiproxy, the proxy through which network faults act.

    \b
    harness toxiproxy install
    harness toxiproxy status

    A run uses the server that TOXIPROXY_URL names; without one it starts its own, from toxiproxy-server on
    PATH or from the copy that `install` makes.
    """


@command.command()
@click.option("--version", help="Version to install [default: the one the harness is tested with].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def install(version: str | None, *, as_json: bool) -> int:
    """Build Toxiproxy for the harness with `go install`, unless it is already there."""
    from harness.services.cleanup.janitor_process import watching
    from harness.services.cleanup.leftovers import PREFIX
    from harness.services.toxiproxy import install as toxiproxy_install

    async def run() -> toxiproxy_install.Installed:
        with tempfile.TemporaryDirectory(prefix=f"{PREFIX}install-", ignore_cleanup_errors=True) as place:
            async with watching(Path(place) / "undo.jsonl") as undo:
                undo.directory(Path(place))
                return await toxiproxy_install.install(version or toxiproxy_install.VERSION)

    click.echo("Installing Toxiproxy (a minute the first time) ...", err=True)
    done = asyncio.run(run())
    binary = done.binary
    if as_json:
        click.echo(json.dumps({"path": str(binary.path), "version": binary.version, "changed": done.changed}))
    else:
        click.echo(f"Toxiproxy {binary.version} {'installed' if done.changed else 'is there'}: {binary.path}")
    return PASSED


@command.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8474,
    show_default=True,
    help="Port to listen on; 0 picks a free port and prints it.",
)
def start(port: int) -> int:
    """Run a Toxiproxy server on this machine until Ctrl-C."""
    return asyncio.run(_serve(port))


@command.command()
@ALLOW_HOST
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(allowed_hosts: tuple[str, ...], *, as_json: bool) -> int:
    """Show which Toxiproxy is found, and whether it answers."""
    from harness.doctor.servers import injector_status

    finding = asyncio.run(injector_status(allowed_hosts))
    click.echo(
        printable.as_json(_as_json(finding)) if as_json else printable.lines("\n".join(_lines(finding)))
    )
    return PASSED if finding.usable else FAULT_BACKEND_UNREACHABLE


async def _serve(port: int) -> int:
    from harness.services.cleanup.janitor_process import watching
    from harness.services.cleanup.leftovers import PREFIX
    from harness.services.processes.process import how
    from harness.services.toxiproxy import server as toxiproxy

    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}toxiproxy-", ignore_cleanup_errors=True) as place:
        directory = Path(place)
        async with watching(directory / "undo.jsonl") as undo:
            undo.directory(directory)
            async with toxiproxy.started(directory, port) as server:
                assert server.child is not None
                click.echo(f"toxiproxy {server.version} ready on {server.url}")
                click.echo(f"Use it with TOXIPROXY_URL={server.url}; Ctrl-C ends it", err=True)
                sys.stdout.flush()
                ended = asyncio.ensure_future(server.child.wait())
                asked = asyncio.ensure_future(stopping.wait())
                await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
                asked.cancel()
                if ended.done():
                    code = server.child.returncode
                    raise not_started(code, server.child.part)(
                        f"Toxiproxy ended by itself: {how(code)}", server.child.last_words(), "Start it again"
                    )
                ended.cancel()
    return PASSED


def _as_json(state: "Status") -> Mapping[str, Any]:
    return {
        "usable": state.usable,
        "programs": [asdict(binary) | {"path": str(binary.path)} for binary in state.programs],
        "server": {
            "url": state.url,
            "named": state.named,
            "answers": not state.problem,
            "version": state.version or None,
            "proxies": state.proxies if not state.problem else None,
            "problem": state.problem or None,
        },
    }


def _lines(state: "Status") -> list[str]:
    from harness.services.toxiproxy.install import INSTALL_COMMAND

    lines = [f"program  {_program(binary, chosen=binary == state.program)}" for binary in state.programs]
    if not state.programs:
        lines.append(f"program  none; `{INSTALL_COMMAND}` gets one")
    if not state.problem:
        proxies = f"{state.proxies} prox{'y' if state.proxies == 1 else 'ies'}"
        lines.append(f"server   {state.url} answers: version {state.version}, {proxies}")
    elif state.named:
        lines.append(f"server   {state.problem}")
    else:
        own = "; a run starts one of its own" if state.program else ""
        lines.append(f"server   nothing answers at {state.url}{own}")
    if state.named:
        lines.append("         TOXIPROXY_URL names it, so runs use it")
    return lines


def _program(binary: Any, *, chosen: bool) -> str:
    where = "the harness's own copy" if binary.ours else "on PATH"
    if binary.problem:
        return f"{binary.path}, {where}, cannot be used: {binary.problem}"
    return f"{binary.path} {binary.version}, {where}{'' if chosen else ', not used'}"
