"""Entries written and read back on a real MCP server, honest and not."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.analysis.work import Work, measure
from harness.clock import Epoch, RealClock
from harness.conduct import ledger
from harness.conduct.ledger import Door
from harness.scenario import model
from harness.scenario.model import Tool
from harness.services.ports import free_port, is_taken

SERVER = """
import sys, uvicorn
from mcp.server import MCPServer
server, kept = MCPServer("notes"), []
@server.tool()
def write(note: str) -> str:
    number = int(note[-8:])
    kept.extend([note] * {"lossy": number % 3 and 1, "twice": 2, "honest": 1}[sys.argv[2]])
    return "written"
@server.tool()
def read(after: int = 0) -> dict:
    page = kept[after : after + 4]
    return {"notes": page, "next": after + 4 if len(page) == 4 else None}
uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
"""
WORK = model.Work(
    write=Tool(call="write", args={"note": "about {{entry}}"}), read=Tool(call="read"), rate=200.0
)


@pytest.fixture(params=["honest", "lossy", "twice"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """How it keeps notes, and where it is."""
    port = free_port("127.0.0.1")
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port), request.param])
    try:
        while not is_taken(port, "127.0.0.1"):
            assert process.poll() is None
        yield request.param, f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        process.wait()


async def test_losses_and_duplicates_are_found(tmp_path: Path, server: tuple[str, str]) -> None:
    """Page by page; what an honest server was told is there, once."""
    kind, url = server
    clock = RealClock()
    door = Door(url, "2025-11-25", {})
    with ledger.opened(tmp_path / "work.jsonl", WORK, "run-1", clock, Epoch.of(clock)) as book:
        writing = asyncio.ensure_future(book.write(door))
        while lines(tmp_path).count("\n") < 12:
            await asyncio.sleep(0.02)
        writing.cancel()
        await asyncio.wait([writing])
        await book.read(door)

    found = measure([json.loads(line) for line in lines(tmp_path).splitlines()])
    assert isinstance(found, Work)
    assert found.acknowledged >= 10
    assert bool(found.missing) is (kind == "lossy")
    assert bool(found.duplicated) is (kind == "twice")


async def test_what_cannot_be_read_is_said(tmp_path: Path, server: tuple[str, str]) -> None:
    """A tool that is not there, a server that is not there."""
    clock = RealClock()
    work = model.Work(write=WORK.write, read=Tool(call="raed"))
    with ledger.opened(tmp_path / "work.jsonl", work, "run-1", clock, Epoch.of(clock)) as book:
        await book.read(Door(server[1], "2025-11-25", {}))
        await book.read(Door("http://127.0.0.1:9/mcp", "2025-11-25", {}))

    told: list[dict[str, Any]] = [json.loads(line) for line in lines(tmp_path).splitlines()]
    assert [list(line) for line in told] == [["unread"], ["unread"]]


def lines(place: Path) -> str:
    return (place / "work.jsonl").read_text(encoding="utf-8")
