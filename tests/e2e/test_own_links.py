"""A server of somebody's own with PostgreSQL behind it: a slow and a cut database, on a link that a scenario describes."""

import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.leftovers import assert_nothing_left

SERVER = Path(__file__).parents[1] / "fakes" / "notes_server.py"


@pytest.mark.long
@pytest.mark.usefixtures("on_path")
def test_a_slow_and_a_cut_database_of_your_own_are_verified_and_recovered_from(
    harness: Callable[..., Any], on_path: str, postgres_url: str, tmp_path: Path
) -> None:
    """Both verified on the link, exposed, healed; the server is told its database by way of the link; its password is nowhere."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    scenario = {
        "name": "notes",
        "target": {"command": [sys.executable, str(SERVER)], "ready": f"http://127.0.0.1:{port}/health"},
        "workload": [{"call": "read_note", "args": {"id": "{{random_int 1 9}}"}}],
        "links": {"db": {"speaks": "postgres", "env": "DATABASE_URL"}},
        "load": [{"name": "steady", "rate": {"rate": "25/s", "for": "32s"}}],
        "faults": [
            {"name": "slow", "fault": "latency", "link": "db", "latency": "300ms", "at": "9s", "for": "3s"},
            {"name": "cut", "fault": "down", "link": "db", "at": "22s", "for": "2s"},
        ],
    }
    file = tmp_path / "notes.yaml"
    file.write_text(json.dumps(scenario))

    command = harness("run", str(file), "--json", PATH=on_path, PORT=str(port), DATABASE_URL=postgres_url)
    command.wait()

    summary = command.summary()
    slow, cut = summary["faults"]
    for fault in (slow, cut):
        assert (fault["link"], fault["verified"], fault["healed"]) == ("db", True, True), command.stderr
        assert fault["exposed"]["calls"] > 0
        assert fault["recover_s"] is not None, (fault, summary["reasons"])
    assert slow["latency_ms"]["response"]["p50"] > 290  # one statement, one round trip
    assert cut["success_rate"] < 0.5
    word = postgres_url.partition("://")[2].partition("@")[0].partition(":")[2]
    run = Path(summary["run_dir"])
    written = b"".join(file.read_bytes() for file in run.rglob("*") if file.is_file())
    assert word.encode() not in written
    assert word not in command.stdout + command.stderr
    assert_nothing_left(run, tmp_path)
