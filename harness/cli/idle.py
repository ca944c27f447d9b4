"""`harness idle`: who cuts streams and connections that are left alone, when, and how?"""

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.basic_options import DURATION
from harness.cli.server_options import of_a_server, server, told
from harness.foundation.errors import UsageError
from harness.foundation.units import duration_s
from harness.foundation.untrusted import printable

if TYPE_CHECKING:
    from harness.conduct.capacity.door import Door
    from harness.conduct.capacity.idle import Held

KINDS = ("stream", "stream-pinged", "connection", "session")
LONGEST_S = 24 * 3600.0


@click.command()
@click.option(
    "--for",
    "lengths",
    multiple=True,
    type=DURATION,
    default=("30s", "60s", "125s", "300s"),
    show_default=True,
    metavar="DURATION",
    help="Idle time before each is used again; repeatable, all are tested at the same time.",
)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(KINDS),
    default=KINDS,
    help="What to leave idle; repeatable [default: all].",
)
@of_a_server(process=False)
def command(*, as_json: bool, **given: Any) -> int:
    """Leave streams, connections and sessions idle, and find out who closes them, when and how, and whether a client can
    continue. Proxies and load balancers close idle connections silently; the result names their usual time limits.

    \b
    harness idle
    harness idle --url http://127.0.0.1:8000/mcp --for 70s
    harness idle --url http://127.0.0.1:8000/mcp --kind stream --for 2m --for 10m

    Exit code 0 when nothing was lost, 1 when a stream or a session was, 3 when the result is unknown, 4 when the server cannot be reached.
    """
    from harness.conduct.capacity import idle_text, kept
    from harness.conduct.capacity.idle import exit_code
    from harness.foundation.clock import RealClock
    from harness.run_directory import private_files
    from harness.run_directory.directory import create_plain

    lengths_s = sorted({duration_s(text) for text in given["lengths"]})
    if not 0 < lengths_s[0] <= lengths_s[-1] <= LONGEST_S:
        raise UsageError(
            "--for must be more than zero and at most a day", "It is not", "For example --for 70s"
        )
    private_files.begin()
    clock = RealClock()
    place = create_plain(given["out"], "idle", clock.utc())
    held, door = asyncio.run(_left_alone(given, lengths_s, clock))
    values = idle_text.values(held, door)
    kept.write(place, values, {})
    text = "\n".join([*idle_text.lines(held, door), "", f"Result: {place}"])
    click.echo(printable.as_json(values) if as_json else printable.lines(text))
    return exit_code(held)


async def _left_alone(
    given: Mapping[str, Any], lengths_s: list[float], clock: Any
) -> "tuple[list[Held], Door]":
    from harness.conduct.capacity.door import standing
    from harness.conduct.capacity.idle import idle

    with tempfile.TemporaryDirectory(prefix="harness-idle-", ignore_cleanup_errors=True) as directory:
        async with standing(server(given), Path(directory), clock, told) as door:
            click.echo(f"This takes {lengths_s[-1]:g} s", err=True)
            return await idle(door, lengths_s, clock, _note, given["kinds"]), door


def _note(held: "Held") -> None:
    from harness.conduct.capacity.idle_text import NAMES, sentence

    click.echo(printable.printable(f"{NAMES[held.kind]}, {held.for_s:g} s: {sentence(held)}"), err=True)
