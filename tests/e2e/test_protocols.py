"""Whole runs against the official SDK's server: all that a workload can ask, headers that repeat arguments, streams."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.e2e.disturbed import assert_no_reason_but_the_machine

Start = Callable[..., Any]
SERVER = """
import logging, socket, sys
from typing import Annotated
import uvicorn
from mcp.server import MCPServer
from pydantic import Field
logging.disable()
server = MCPServer("tiny", version="1.0")

@server.tool()
def where(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> str:
    return region

@server.resource("memo://{name}")
def memo(name: str) -> str:
    return name

@server.prompt()
def greet(name: str) -> str:
    return "Greet " + name

sock = socket.socket()
sock.bind(("127.0.0.1", 0))
sock.listen(100)
print(sock.getsockname()[1], flush=True)
app = server.sse_app() if "sse" in sys.argv else server.streamable_http_app()
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[sock])
"""
WORKLOAD = [
    {"call": "where", "args": {"region": "Grüße {{counter}}"}},
    {"read": "memo://{{random_choice a b}}"},
    {"prompt": "greet", "args": {"name": "{{counter}}"}},
    {"list": "resources/templates"},
]
ASKED = {
    "tools/call:where",
    "resources/read:memo://{{random_choice a b}}",
    "prompts/get:greet",
    "resources/templates/list",
}


@pytest.fixture
def origin(request: pytest.FixtureRequest) -> Iterator[str]:
    """Of a server in this mode."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, request.param], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize(
    ("origin", "path", "protocol", "listen", "also"),
    [
        pytest.param("http", "/mcp", "auto", False, set(), marks=pytest.mark.long),
        ("http", "/mcp", "2025-11-25", True, {"initialize", "notifications/initialized", "session/listen", "session/delete"}),
        ("sse", "/sse", "auto", False, {"initialize", "notifications/initialized"}),
    ],
    indirect=["origin"],
)  # fmt: skip
def test_a_workload_asks_for_all_there_is(
    harness: Start, tmp_path: Path, origin: str, path: str, protocol: str, listen: bool, also: set[str]
) -> None:
    """Every kind of request under its own name, and none of them failed: in each era, and on the oldest transport.

    So it is with clients that come and go: sessions and streams outlive the connections of calls.
    """
    target = {"url": origin + path, "protocol": protocol, "listen": listen}
    load = [{"sustain": {"users": 3, "for": "1s"}}]
    scenario = {"name": "wide", "target": target, "workload": WORKLOAD, "load": load, "think": False}
    (tmp_path / "wide.yaml").write_text(json.dumps(scenario))
    command = harness("run", str(tmp_path / "wide.yaml"), "--calls-per-connection", "5", "--json")
    assert_no_reason_but_the_machine(command)
    summary = command.summary()

    assert {entry["operation"] for entry in summary["operations"]} == ASKED | also
    assert summary["failures"] == []
    assert summary["target"]["protocol"] == {"auto": "sse" if path == "/sse" else "2026-07-28"}.get(
        protocol, protocol
    )
    assert summary["target"]["transport"] == ("sse" if path == "/sse" else "http")
    carried = carried_by_connections(Path(summary["run_dir"]))
    if path == "/sse":  # the stream is the session
        assert [len(of_user) for of_user in carried] == [1] * 3
    else:
        assert {many for of_user in carried for many in of_user[:-1]} == {5}
        assert max(of_user[-1] for of_user in carried) <= 5


def carried_by_connections(run: Path) -> list[list[int]]:
    """For each user how many calls each of its connections carried, in their order; streams beside the calls apart."""
    rows = pq.read_table(run / "samples.parquet", columns=["user", "operation", "sent_ns", "reused"])
    carried: defaultdict[int, list[int]] = defaultdict(list)
    for row in rows.sort_by("sent_ns").to_pylist():
        if row["operation"] == "session/listen":
            continue
        if not row["reused"]:
            carried[row["user"]].append(0)
        carried[row["user"]][-1] += 1
    return list(carried.values())
