"""`harness record`: a proxy in front of a server while a real client works with it; what it asked for becomes a scenario."""

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click
import yaml

from harness.cli import new_file
from harness.cli.basic_options import ALLOW_HOST, POSITIVE_DURATION
from harness.foundation.errors import PASSED, UNKNOWN, TargetUnreachableError, UsageError
from harness.foundation.units import duration_s
from harness.foundation.untrusted.printable import lines as shown_lines
from harness.foundation.untrusted.printable import printable
from harness.run_directory import private_files
from harness.scenario.model import PROTOCOLS

if TYPE_CHECKING:
    from harness.client.recorder import Recorder
    from harness.foundation.addresses.address import Address
    from harness.scenario.recording import Recording

USERS, LASTS_S_LEAST, LASTS_S_MOST = 1, 10, 600


@click.command()
@click.option(
    "--to",
    "target",
    metavar="URL",
    required=True,
    help="Address of the server, with the path of its endpoint.",
)
@click.option(
    "--listen",
    type=click.IntRange(0, 65_535),
    default=0,
    show_default=True,
    metavar="PORT",
    help="Port on this machine where the client connects instead; 0 takes a free one.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("recorded.yaml"),
    show_default=True,
    help="The scenario to write.",
)
@click.option("--for", "for_", type=POSITIVE_DURATION, help="Stop after this time [default: until Ctrl-C].")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@ALLOW_HOST
def command(
    target: str, listen: int, out: Path, for_: str | None, allowed_hosts: tuple[str, ...], *, force: bool
) -> int:
    """Proxy the traffic between a client and its server, and write the client's requests, with their timing, as a scenario.

    Replies, streams, sessions and headers pass through unchanged. Values that look like secrets are written as ${NAME}.

    \b
    harness record --to http://127.0.0.1:3001/mcp --listen 8300 --out recorded.yaml --for 60s
    harness run recorded.yaml

    Exit code 3 when nothing was recorded, 4 when the server was never reached.
    """
    private_files.begin()
    new_file.check(out, force=force, hint=", or --force")
    if "@" in target.partition("://")[2].partition("/")[0]:
        raise UsageError(
            "--to has a user or a password in it",
            "The client sends its own credentials, and they pass through",
            "Leave them out of the address",
        )
    recorder = asyncio.run(_recorded(target, listen, duration_s(for_) if for_ else None, allowed_hosts))
    return _written(recorder, target, out, allowed_hosts)


async def _recorded(target: str, port: int, for_s: float | None, allowed: tuple[str, ...]) -> "Recorder":
    from harness.client.recorder import recording_proxy
    from harness.conduct.setup.vetted_addresses import looked_up
    from harness.foundation.addresses import resolved
    from harness.foundation.addresses.judging import Wanted

    place = Wanted(_address(target), purpose="This goes", absent=TargetUnreachableError)
    stopping = asyncio.Event()
    with resolved.in_force(await looked_up([place], allowed)):
        async with recording_proxy(target, "127.0.0.1", port) as (recorder, url):
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stopping.set)
            click.echo(f"Recording. Let the client connect to {url} instead of {printable(target)}", err=True)
            until = "Ctrl-C ends it" if for_s is None else f"It ends after {for_s:g} s, or with Ctrl-C"
            click.echo(until, err=True)
            try:
                async with asyncio.timeout(for_s):
                    await stopping.wait()
            except TimeoutError:
                pass
    return recorder


def _address(target: str) -> "Address":
    from harness.foundation.addresses.address import AddressError, read
    from harness.foundation.addresses.judging import unreadable

    try:
        return read(target, ("http", "https"))
    except AddressError as error:
        raise unreadable("--to", target, str(error), "http://127.0.0.1:3001/mcp") from None


def _written(recorder: "Recorder", target: str, out: Path, allowed: tuple[str, ...]) -> int:
    from harness.run_directory.directory import write_whole
    from harness.scenario.recording import recording

    made = recording(recorder.requests)
    if not made.sessions:
        if recorder.failed:
            raise TargetUnreachableError(
                f"The server at {printable(target)} was not there",
                f"{recorder.failed} requests could not be passed on",
                "Start it, or check the address",
            )
        click.echo("Nothing was recorded: no client asked for anything that can be played again", err=True)
        return UNKNOWN
    text = _text(recorder, made, target, out, allowed)
    try:
        write_whole(out, text)
    except OSError as error:
        raise new_file.cannot(out, error) from error
    sessions = "1 session" if len(made.sessions) == 1 else f"{len(made.sessions)} sessions"
    lines = [f"{out}: {made.steps} requests in {sessions}"]
    if made.left_out:
        lines.append(
            f"  {made.left_out} left out: texts with ${{ or {{{{ mean something else in a scenario, and it has to be text"
        )
    if dropped := recorder.dropped + made.beyond:
        lines.append(f"  {dropped} left out: more than a recording holds")
    lines += [f"  export {name}=...   for a secret that was taken out" for name in _variables(recorder, made)]
    click.echo(shown_lines("\n".join([*lines, f"Play it: harness run {out}"])))
    return PASSED


def _variables(recorder: "Recorder", made: "Recording") -> list[str]:
    from harness.scenario.recording import headers

    return sorted({*made.variables, *(value[2:-1] for value in headers(recorder.header_names).values())})


def _text(recorder: "Recorder", made: "Recording", target: str, out: Path, allowed: tuple[str, ...]) -> str:
    from harness.scenario.recording import headers

    server: dict[str, str | bool | dict[str, str]] = {"url": target}
    if recorder.protocol in PROTOCOLS:  # a header of the client's, which may hold anything
        server["protocol"] = recorder.protocol
    if recorder.listens:
        server["listen"] = True
    if wished := headers(recorder.header_names):
        server["headers"] = wished
    body: dict[str, object] = {"name": "recorded", "target": server}
    if allowed:
        body["allowed_hosts"] = list(allowed)
    users = max(USERS, len(made.sessions))
    lasts_s = max(one.ended_s for one in recorder.requests) - min(one.began_s for one in recorder.requests)
    lasts_s = min(max(round(lasts_s * 1.2) + 1, LASTS_S_LEAST), LASTS_S_MOST)
    body["load"] = [{"name": "replay", "sustain": {"users": users, "for": f"{lasts_s}s"}}]
    body["replay"] = made.sessions
    longest = max(len(session["steps"]) for session in made.sessions)
    return (
        f"# Recorded by harness record. harness run {out.name} plays it again; users take the sessions by turns, with the pauses\n"
        "# (--no-think: without them). For N users, change users. Open load instead: sessions that arrive at a rate,\n"
        f"#   - {{name: visits, sessions: {{rate: 2/s, calls: {longest}, for: 1m}}}}\n"
        f"{yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)}"
    )
