"""What it costs the reference target to record each call: the same target, once recording and once not, by turns.

Both run at the same time on one PostgreSQL, each with a schema of its own; the one that is not asked does nothing.
A ratio is the median of the rounds' ratios, and the order changes from round to round, so that none is always second.
Compared are calls by the target's processor time, since calls by the clock are also everybody else's business on a
machine that is not alone; what PostgreSQL takes for the rows is seen in the latter only.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from echo_target import Target, on_core
from figures import Figure, Table
from generators import Measured, measure

from harness.services.backends import postgres
from harness.services.cleanup.janitor_process import watching

DOORS = {"plain": "/mcp/tools/call", "MCP": "/mcp"}
MODES = ("on", "off")
AIM = 0.85
One = tuple[Measured, float]  # what the generator saw, and the target's processor time
Found = dict[tuple[str, str], list[One]]  # by door and mode
COLUMNS = ("door", "recording", "calls/s", "us of processor a call", "median ms")


def recording(rounds: int, seconds: float, users: int) -> Table:
    """The reference target with its record of each call, beside itself without."""
    return asyncio.run(_recording(rounds, seconds, users))


async def _recording(rounds: int, seconds: float, users: int) -> Table:
    async with _database() as url:
        return await asyncio.to_thread(_measured, url, rounds, seconds, users)


def _measured(url: str, rounds: int, seconds: float, users: int) -> Table:
    found: Found = {}
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
        Figure("recording", f"{door}, {by}, of calls without", _ratio(found, door, speed), "x", at_least=aim)
        for door in DOORS
        for by, speed, aim in (("by processor", _calls_per_cpu_s, AIM), ("by the clock", _calls_per_s, None))
    ]
    rows = [_row(door, mode, found[door, mode]) for door in DOORS for mode in MODES]
    return Table(figures, COLUMNS, rows, "The target's processor time includes its start and its warming up.")


def _ratio(found: Found, door: str, speed: Callable[[One], float]) -> float:
    pairs = zip(*(found[door, mode] for mode in MODES), strict=True)
    return statistics.median(speed(recorded) / speed(bare) for recorded, bare in pairs)


def _calls_per_s(one: One) -> float:
    return one[0].calls / one[0].seconds


def _calls_per_cpu_s(one: One) -> float:
    return one[0].calls / one[1]


def _row(door: str, mode: str, found: list[One]) -> tuple[str, ...]:
    return (
        door,
        mode,
        f"{statistics.median(map(_calls_per_s, found)):,.0f}",
        f"{statistics.median(1e6 / _calls_per_cpu_s(one) for one in found):,.0f}",
        f"{statistics.median(one.median_ms for one, _ in found):.1f}",
    )


@asynccontextmanager
async def _database() -> AsyncIterator[str]:
    with tempfile.TemporaryDirectory(prefix="mcp-harness-bench-") as place:
        undo_path = Path(place) / "undo.jsonl"
        async with watching(undo_path), postgres.embedded(Path(place)) as url:
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
