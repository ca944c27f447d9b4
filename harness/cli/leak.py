"""`harness leak`: does a server keep something of every session that is over?"""

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.basic_options import POSITIVE_DURATION, RATE, Quantity
from harness.cli.call_options import arguments_of
from harness.cli.server_options import of_a_server, server, told
from harness.foundation.units import duration_s, rate_per_s, size_bytes
from harness.foundation.untrusted import printable

if TYPE_CHECKING:
    from harness.conduct.capacity.churn import Visits
    from harness.conduct.capacity.door import Door
    from harness.conduct.capacity.leak import LeakResult

PATTERNS = ("close", "vanish", "cancel", "listen-vanish")
SIZE = Quantity("size", size_bytes)


@click.command()
@click.option(
    "--pattern",
    type=click.Choice(PATTERNS),
    default="close",
    show_default=True,
    help="How each session ends: closed properly, abandoned, with a cancelled call, or abandoned while a stream is open.",
)
@click.option(
    "--rate", type=RATE, default="20/s", show_default=True, help="Rate at which sessions are opened."
)
@click.option(
    "--for", "length", type=POSITIVE_DURATION, default="2m", show_default=True, help="Duration of the load."
)
@click.option(
    "--call", "tool", metavar="TOOL", help="Tool that each session calls [default: it lists the tools]."
)
@click.option("--args", metavar="JSON", help="Arguments for --call as JSON.")
@click.option(
    "--allow",
    type=SIZE,
    default="1KB",
    show_default=True,
    help="Growth of memory per session that is not called a leak: every runtime grows a little.",
)
@of_a_server(process=True)
def command(*, as_json: bool, **given: Any) -> int:
    """Open and end sessions at a steady rate, and find out whether the server releases what each one used: memory, open
    files, threads, connections.

    \b
    harness leak
    harness leak --pattern vanish --for 5m
    harness leak --url http://127.0.0.1:8000/mcp --call echo --args '{"message": "hi"}'
    harness leak --url http://127.0.0.1:8000/mcp --pid 4711

    Exit code 0 when a leak is ruled out, 1 when there is one, 3 when the result is unknown, 4 when the server cannot be reached.
    """
    from harness.conduct.capacity import kept, leak_text
    from harness.foundation.clock import RealClock
    from harness.run_directory import private_files
    from harness.run_directory.directory import create_plain

    private_files.begin()
    clock = RealClock()
    place = create_plain(given["out"], "leak", clock.utc())
    result, door = asyncio.run(_searched(given, clock, _progress()))
    values = leak_text.values(result, door)
    kept.write(place, values, result.readings)
    text = "\n".join([*leak_text.lines(result, door), "", f"Readings: {place}"])
    click.echo(printable.as_json(values) if as_json else printable.lines(text))
    return result.exit_code


async def _searched(
    given: Mapping[str, Any], clock: Any, progress: "Callable[[float, Visits], None]"
) -> "tuple[LeakResult, Door]":
    from harness.conduct.capacity.churn import Call
    from harness.conduct.capacity.door import standing
    from harness.conduct.capacity.leak import LeakRequest, leak

    asked = LeakRequest(
        pattern=given["pattern"],
        call=Call(given["tool"], arguments_of(given["args"])),
        rate_per_s=rate_per_s(given["rate"]),
        for_s=duration_s(given["length"]),
        allowed_bytes=size_bytes(given["allow"]),
    )
    with tempfile.TemporaryDirectory(prefix="harness-leak-", ignore_cleanup_errors=True) as directory:
        async with standing(server(given), Path(directory), clock, told) as door:
            return await leak(door, asked, clock, progress), door


def _progress() -> "Callable[[float, Visits], None]":
    """A line every ten seconds, on standard error."""
    tens_told = 0

    def say(at_s: float, visits: "Visits") -> None:
        nonlocal tens_told
        if int(at_s / 10) > tens_told:
            tens_told = int(at_s / 10)
            click.echo(
                f"{tens_told * 10:>5} s  {visits.over:,} sessions are over, {sum(visits.failed.values()):,} failed",
                err=True,
            )

    return say
