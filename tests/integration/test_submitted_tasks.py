"""Tasks that are submitted and asked for afterwards: what cannot be reached is told, and never taken for kept."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from harness.conduct.durability import entries, tasks
from harness.conduct.durability.tasks import SubmittedTasks, TaskRecords
from harness.foundation.clock import RealClock, RunClock
from harness.reference.settings import Settings
from harness.scenario.model import REFERENCE_WORK


async def told(place: Path, doing: Callable[[SubmittedTasks], Any]) -> list[dict[str, Any]]:
    """The lines of work.jsonl, of errands whose records are where nothing listens."""
    clock = RealClock()
    with entries.opened(place / "work.jsonl", REFERENCE_WORK, "run-1", RunClock.of(clock)) as written:
        await doing(SubmittedTasks(written, TaskRecords("postgresql://nobody@127.0.0.1:9/none")))
    return [json.loads(line) for line in (place / "work.jsonl").read_text(encoding="utf-8").splitlines()]


async def test_records_that_cannot_be_read_are_said_to_be_unread(tmp_path: Path) -> None:
    """With the reason."""
    (line,) = await told(tmp_path, lambda one: one.read(0.5))

    assert list(line) == ["unrecorded"]
    assert "refused" in line["unrecorded"].lower() or "connect" in line["unrecorded"].lower()


@pytest.mark.parametrize(
    ("status", "body", "outcome", "task"),
    [
        (202, {"id": "t1"}, "ok", "t1"),
        (503, {"error": "away"}, "http_status", None),
        (202, {"no": "id"}, "unfinished", None),
        (202, {"id": "t1", "more": "x" * 70_000}, "unfinished", None),
        (202, None, "unfinished", None),
    ],
)
async def test_a_task_is_promised_when_its_name_was_given_and_not_before(
    status: int, body: dict[str, str] | None, outcome: str, task: str | None, tmp_path: Path
) -> None:
    """An answer without one, or none at all, promises nothing."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(body, status=status) if body is not None else web.Response(status=status)

    async def once(one: SubmittedTasks, url: str) -> None:
        sending = asyncio.ensure_future(one.send(url))
        while not (tmp_path / "work.jsonl").read_text(encoding="utf-8"):
            await asyncio.sleep(0.01)
        sending.cancel()
        await asyncio.wait([sending])
        assert one.promised == ([task] if task else [])

    app = web.Application()
    app.router.add_post("/tasks", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        lines = await told(tmp_path, lambda one: once(one, site.name))
    finally:
        await runner.cleanup()

    assert (lines[0]["task"], lines[0]["outcome"]) == (task, outcome)


def test_the_tables_are_where_the_target_keeps_them() -> None:
    """Unless it is told otherwise."""
    assert Settings(database_url="postgresql://x/y").schema == tasks.SCHEMA
