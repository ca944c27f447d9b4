"""What it costs the reference target to record each call: the same target, once recording and once not, by turns.

Both run at the same time on one PostgreSQL, each with a schema of its own; the one that is not asked does nothing.
A ratio is the median of the rounds' ratios. The order changes from round to round, so that none is always second.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from echo_target import Target, on_core
from figures import Figure, Table
from generators import Measured, measure

from harness.services import janitor, postgres

DOORS = {"plain": "/mcp/tools/call", "MCP": "/mcp"}
MODES = ("on", "off")
AIM = 0.85
COLUMNS = ("door", "recording", "calls/s", "us of processor a call", "median ms")


def recording(rounds: int, seconds: float, users: int) -> Table:
    """The reference target with its record of each call, beside itself without."""
    return asyncio.run(_recording(rounds, seconds, users))


async def _recording(rounds: int, seconds: float, users: int) -> Table:
    async with _database() as url:
        return await asyncio.to_thread(_measured, url, rounds, seconds, users)


def _measured(url: str, rounds: int, seconds: float, users: int) -> Table:
    found: dict[tuple[str, str], list[tuple[Measured, float]]] = {}
    with ExitStack() as stack:
        targets = {mode: stack.enter_context(_target(mode, url)) for mode in MODES}
        for turn in range(rounds):
            for door, path in DOORS.items():
                for mode in MODES if turn % 2 else MODES[::-1]:
                    one = targets[mode]
                    before_s = one.cpu_s()
                    measured = measure("harness-query", one, path, users, seconds)
                    found.setdefault((door, mode), []).append((measured, one.cpu_s() - before_s))
    figures = [
        Figure("recording", f"calls/s, {door}, of those without", _ratio(found, door), "x", at_least=AIM)
        for door in DOORS
    ]
    rows = [_row(door, mode, found[door, mode]) for door in DOORS for mode in MODES]
    return Table(figures, COLUMNS, rows, "The target's processor time includes its start and its warming up.")


def _ratio(found: dict[tuple[str, str], list[tuple[Measured, float]]], door: str) -> float:
    pairs = zip(*(found[door, mode] for mode in MODES), strict=True)
    return statistics.median(_speed(recorded) / _speed(bare) for (recorded, _), (bare, _) in pairs)


def _speed(measured: Measured) -> float:
    return measured.calls / measured.seconds


def _row(door: str, mode: str, found: list[tuple[Measured, float]]) -> tuple[str, ...]:
    return (
        door,
        mode,
        f"{statistics.median(_speed(one) for one, _ in found):,.0f}",
        f"{statistics.median(1e6 * cpu_s / one.calls for one, cpu_s in found):,.0f}",
        f"{statistics.median(one.median_ms for one, _ in found):.1f}",
    )


@asynccontextmanager
async def _database() -> AsyncIterator[str]:
    with tempfile.TemporaryDirectory(prefix="mcp-harness-bench-") as place:
        undo_path = Path(place) / "undo.jsonl"
        async with janitor.watching(undo_path) as undo, postgres.embedded(undo, Path(place)) as url:
            yield url


@contextmanager
def _target(mode: str, url: str) -> Iterator[Target]:
    script = Path(__file__).with_name("recording_target.py")
    flags = ["--port", "0", "--database-url", url, "--schema", f"bench_{mode}", "--task-workers", "0"]
    with subprocess.Popen(
        [sys.executable, str(script), mode, *flags],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(script.parents[1])},
        preexec_fn=on_core(0),  # noqa: PLW1509 - there are no threads
    ) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[-1]
            yield Target(urlsplit(address).port or 0, server.pid)
        finally:
            server.terminate()
