"""Histories for tests: a database of a real server for each test alone, and run directories to bring."""

import asyncio
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from harness.report.json import summary_json
from harness.report.reading import read
from tests.fakes.runs import Run

MACHINE = {"host": "here", "cpu": "Example CPU", "cores": 2, "platform": "Linux"}


@contextmanager
def database(postgres_url: str) -> Iterator[str]:
    """The URL of a new database, which goes afterwards."""
    name = f"history_{secrets.token_hex(4)}"
    asyncio.run(_execute(postgres_url, f"CREATE DATABASE {name}"))
    try:
        yield re.sub(r"/postgres$", f"/{name}", postgres_url)
    finally:
        asyncio.run(_execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(url: str, command: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(command)
    await connection.close()


def made(root: Path, day: int, ms: float = 20.0, minute: int = 0, **facts: object) -> Path:
    """The directory of a run of that day of January, so long after three: one held level, and its report."""
    name = f"202601{day:02}T03{minute:02}00Z-abc123"
    started_at = f"2026-01-{day:02}T03:{minute:02}:00+00:00"
    about = {"run_id": name, "scenario": "night", "started_at": started_at}
    target = {"server": {"name": "tiny", "version": "1.0"}, "protocol": "2025-11-25"}
    run = Run(name="night", metadata={**about, "machine": MACHINE, "target": target, **facts})
    run.level(5, kind="sustain", phase="steady", ms=ms)
    run.end()
    place = run.write(root / "night" / name)
    workers = json.loads((place / "metadata.json").read_text())["workers"]
    (place / "scenario.yaml").write_text(
        f"name: night\nworkers: {workers}\nload: [{{sustain: {{users: 5}}}}]\n"
    )
    (place / "summary.json").write_text(summary_json(read(place)))
    (place / "undo.jsonl").write_text("")
    return place
