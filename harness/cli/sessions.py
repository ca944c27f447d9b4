"""`harness sessions`: how many sessions does a server hold, what does each take, and which are still there at the end?"""

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.basic_options import DURATION
from harness.cli.server_options import of_a_server, server, told
from harness.foundation.errors import UsageError
from harness.foundation.units import duration_s
from harness.foundation.untrusted import printable

if TYPE_CHECKING:
    from harness.conduct.capacity.door import Door, ServerRequest
    from harness.conduct.capacity.sessions import SessionsRequest, SessionsResult

KINDS = ("session", "stream")
MOST = 1_000_000
NOTE_S = 5.0


@click.command()
@click.option(
    "--max",
    "most",
    type=click.IntRange(1, MOST),
    default=1000,
    show_default=True,
    help="Largest number of sessions to open.",
)
@click.option(
    "--hold",
    "kind",
    type=click.Choice(KINDS),
    default="session",
    show_default=True,
    help="What to hold: sessions, or also the stream of each (subscriptions/listen in 2026-07-28).",
)
@click.option(
    "--step",
    type=click.IntRange(1, MOST),
    help="Number of sessions to open between readings of memory [default: a sixtieth of --max].",
)
@click.option(
    "--at-once",
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    help="Number of sessions that are being opened at the same time.",
)
@click.option(
    "--storm",
    type=click.IntRange(1, MOST),
    help="Instead of --max: number of clients that all open a session at once.",
)
@click.option(
    "--restart",
    is_flag=True,
    help="Restart the reference server while all sessions are open; all clients reconnect at once.",
)
@click.option(
    "--for",
    "length",
    type=DURATION,
    default="2s",
    show_default=True,
    help="Time for which open sessions stay idle before each is used once.",
)
@click.option(
    "--leave",
    type=click.Choice(("close", "vanish")),
    default="close",
    show_default=True,
    help="How sessions end: closed as the protocol says, or abandoned without a message.",
)
@click.option(
    "--after",
    type=DURATION,
    default="10s",
    show_default=True,
    help="Time to watch how much memory the server frees after the sessions end.",
)
@click.option("--at-least", type=click.IntRange(1, MOST), help="Fail when fewer sessions could be opened.")
@of_a_server(process=True)
def command(*, as_json: bool, **given: Any) -> int:
    """Open sessions until the server refuses or --max is reached, keep them open, use each once, and end them.

    The result: how many could be opened, the memory of each, the time to open one, who refused and how, and how much memory
    is freed afterwards.

    \b
    harness sessions --max 200
    harness sessions --url http://127.0.0.1:8000/mcp --max 10000 --hold stream
    harness sessions --url http://127.0.0.1:8000/mcp --storm 500
    harness sessions --max 100 --restart

    Exit code 0 when all opened sessions still answer, 1 when some were lost or fewer than --at-least could be opened,
    3 when this machine was the limit, 4 when the server cannot be reached.
    """
    from harness.conduct.capacity import kept, sessions_text
    from harness.foundation.clock import RealClock
    from harness.run_directory import private_files
    from harness.run_directory.directory import create_plain

    asked, reached = _asked(given), _reached(given)
    private_files.begin()
    clock = RealClock()
    place = create_plain(given["out"], "sessions", clock.utc())
    result, door = asyncio.run(_held(reached, asked, clock))
    values = sessions_text.values(result, door)
    kept.write(place, values, result.readings)
    text = "\n".join([*sessions_text.lines(result, door), "", f"Readings: {place}"])
    click.echo(printable.as_json(values) if as_json else printable.lines(text))
    return result.exit_code


def _asked(given: Mapping[str, Any]) -> "SessionsRequest":
    """What to do, from the options; raise UsageError where this machine cannot."""
    from harness.conduct.capacity import own_limits
    from harness.conduct.capacity.sessions import SessionsRequest

    if given["restart"] and given["url"] is not None:
        raise UsageError(
            "--restart is for the reference server",
            "The one at --url is not the harness's to restart",
            "Leave --url out; or restart yours during a run: harness sustain --fault restart (docs/faults.md)",
        )
    most, storm = given["storm"] or given["most"], given["storm"] is not None
    many = most if storm or given["restart"] or given["kind"] == "stream" else 0
    own_limits.allow(many + given["at_once"], f"{most:,} {given['kind']}s")
    return SessionsRequest(
        most=most,
        kind=given["kind"],
        at_once=min(given["at_once"], most),
        leave=given["leave"],
        for_s=duration_s(given["length"]),
        after_s=duration_s(given["after"]),
        step=given["step"] or 0,
        storm=storm,
        restart=given["restart"],
        at_least=given["at_least"] or 0,
    )


def _reached(given: Mapping[str, Any]) -> "ServerRequest":
    """The server; sessions are those of a version that has them."""
    from harness.mcp.dialects.modern import MODERN_VERSION

    reached = server(given)
    protocol = reached.target.protocol
    if protocol in {"plain", "sse"} or (protocol == MODERN_VERSION and given["kind"] == "session"):
        raise UsageError(
            f"There are no sessions to hold open over {protocol}",
            "2026-07-28 has none, only streams; plain JSON-RPC has neither; those of HTTP+SSE are connections",
            "Ask for streams (--hold stream), or for a version that has sessions (--protocol 2025-11-25)",
        )
    if protocol == "auto" and given["kind"] == "session":
        return replace(reached, target=replace(reached.target, protocol="2025-11-25"))
    return reached


async def _held(
    reached: "ServerRequest", asked: "SessionsRequest", clock: Any
) -> "tuple[SessionsResult, Door]":
    from harness.conduct.capacity.door import standing
    from harness.conduct.capacity.sessions import sessions

    with tempfile.TemporaryDirectory(prefix="harness-sessions-", ignore_cleanup_errors=True) as directory:
        async with standing(reached, Path(directory), clock, told) as door:
            return await sessions(door, asked, clock, _progress(clock)), door


def _progress(clock: Any) -> Callable[[str], None]:
    """A line every few seconds, on standard error."""
    told_ns = -int(NOTE_S * 1e9)

    def say(line: str) -> None:
        nonlocal told_ns
        if clock.now_ns() - told_ns >= NOTE_S * 1e9:
            told_ns = clock.now_ns()
            click.echo(line, err=True)

    return say
