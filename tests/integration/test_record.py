"""A recorded session of the official SDK's client is played again by a run: the same operations in the same order."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from mcp import Client
from mcp.server import MCPServer

from harness.client.recorder import recording_proxy
from harness.foundation.addresses import resolved
from harness.scenario.recording import recording
from tests import npm
from tests.fakes.mcp_server import served

COMMAND = [sys.executable, "-m", "harness"]
ENVIRONMENT = os.environ | {"HARNESS_HISTORY": "off"}
TYPESCRIPT = """
import { Client } from '%(sdk)s/dist/esm/client/index.js';
import { StreamableHTTPClientTransport } from '%(sdk)s/dist/esm/client/streamableHttp.js';
const client = new Client({ name: 'typescript', version: '1.0' });
await client.connect(new StreamableHTTPClientTransport(new URL(process.argv[2])));
await client.listTools();
await client.callTool({ name: 'echo', arguments: { message: 'one' } });
await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } });
await client.close();
"""


def shop() -> MCPServer:
    server = MCPServer("shop", version="1.0")

    @server.tool()
    def echo(message: str) -> str:
        return message

    @server.tool()
    def add(a: int, b: int) -> int:
        return a + b

    @server.resource("memo://note")
    def note() -> str:
        return "remember"

    return server


async def as_a_client_would(url: str, mode: Any) -> None:
    async with Client(url, mode=mode) as client:
        await client.list_tools()
        await client.call_tool("echo", {"message": "one"})
        await asyncio.gather(*(client.call_tool("add", {"a": number, "b": 2}) for number in range(3)))
        await client.read_resource("memo://note")
        await client.call_tool("echo", {"message": "two"})


async def ran(*arguments: str, place: Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        cwd=place,
        env=ENVIRONMENT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode or 0, said.decode()


def operations(session: dict[str, Any]) -> list[dict[str, Any]]:
    """What was asked; those of one moment in an order of their own, since nothing says who of them comes first."""
    steps = [{key: step[key] for key in step if key not in {"after", "at_once"}} for step in session["steps"]]
    return sorted(steps, key=lambda step: (step.get("call") == "add", str(step)))


@pytest.mark.parametrize("mode", [pytest.param("legacy", marks=pytest.mark.long), "auto"])
async def test_a_session_of_the_python_sdk_is_played_again(mode: str, tmp_path: Path) -> None:
    """Recorded by a proxy, played by `harness run`, and seen by another proxy."""
    async with served(shop()) as url:
        recorder = await asyncio.create_subprocess_exec(
            *COMMAND, "record", "--to", url, "--out", "recorded.yaml", cwd=tmp_path, env=ENVIRONMENT,
            stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert recorder.stderr is not None
        line = (await recorder.stderr.readline()).decode()
        await as_a_client_would(line.split(" connect to ")[1].split()[0], mode)
        recorder.terminate()
        await asyncio.wait_for(recorder.communicate(), 60)
        assert recorder.returncode == 0

        with resolved.in_force({}):
            async with recording_proxy(url, "127.0.0.1", 0) as (again, through):
                code, said = await ran("run", "recorded.yaml", "--url", through, place=tmp_path)
    assert code in {0, 3}, said
    (recorded,) = yaml.safe_load((tmp_path / "recorded.yaml").read_text())["replay"]
    played = [one for one in recording(again.requests).sessions if one["name"].startswith("mcp-harness")]
    if mode == "legacy":
        whole = next(
            one for one in played if len(one["steps"]) == len(recorded["steps"])
        )  # the first is the preflight's
        assert operations(whole) == operations(recorded)
        assert whole["steps"][0] == recorded["steps"][0] == {"list": "tools"}
        assert whole["steps"][-1]["args"] == recorded["steps"][-1]["args"] == {"message": "two"}
    else:  # without sessions all rounds are one after the other, behind what the preflight asked
        (all_rounds,) = played
        length = len(recorded["steps"])
        asked = all_rounds["steps"][1:][:length]
        assert operations({"steps": asked}) == operations(recorded)


@pytest.mark.long
async def test_a_session_of_the_typescript_sdk_is_played_again(tmp_path: Path) -> None:
    """The client of npm's SDK, through the proxy."""
    sdk = npm.installed(npm.EVERYTHING).parents[1] / "@modelcontextprotocol" / "sdk"
    script = tmp_path / "client.mjs"
    script.write_text(TYPESCRIPT % {"sdk": sdk})
    async with served(shop()) as url:
        with resolved.in_force({}):
            async with recording_proxy(url, "127.0.0.1", 0) as (recorder, through):
                process = await asyncio.create_subprocess_exec("node", str(script), through, cwd=tmp_path)
                assert await asyncio.wait_for(process.wait(), 60) == 0
    (session,) = recording(recorder.requests).sessions
    assert session["name"] == "typescript-1"
    assert [step.get("call") or step.get("list") for step in session["steps"]] == ["tools", "echo", "add"]


@pytest.mark.parametrize(
    "load",
    [
        {"rate": {"rate": "20/s", "for": "2s", "arrivals": "constant", "max_users": 10}},
        {"sessions": {"rate": "5/s", "calls": 4, "for": "2s", "arrivals": "constant", "max_users": 10}},
    ],
    ids=["each arrival is one request", "each arrival is a session"],
)
async def test_what_was_recorded_is_played_by_arrivals_in_its_order(load: Any, tmp_path: Path) -> None:
    """In every session the requests come as they were recorded, whoever takes an arrival; then it ends, and another begins."""
    letters = ["a", "b", "c", "d"]
    server = MCPServer("letters", version="1.0")
    for letter in letters:
        server.add_tool(lambda: "said", name=letter, description="Say it")
    steps = [{"call": "a"}, {"call": "b", "after": "50ms"}, {"call": "c", "at_once": True}, {"call": "d"}]
    async with served(server) as url:
        scenario = {
            "name": "arrivals",
            "target": {"url": url, "protocol": "2025-11-25"},
            "replay": [{"name": "one", "steps": steps}],
            "load": [load],
        }
        (tmp_path / "arrivals.yaml").write_text(yaml.safe_dump(scenario))
        code, said = await ran("run", "arrivals.yaml", place=tmp_path)
    assert code in {0, 3}, said
    assert "failed" not in said
    (samples,) = (tmp_path / "reports" / "arrivals").glob("2*/samples.parquet")
    rows = sorted(pq.read_table(samples).to_pylist(), key=lambda row: row["sent_ns"])
    sessions: dict[tuple[int, int], str] = {}
    for row in rows:
        if row["operation"].startswith("tools/call:"):
            key = (row["user"], row["session"])
            sessions[key] = sessions.get(key, "") + row["operation"].removeprefix("tools/call:")

    assert {row["outcome"] for row in rows} == {"ok"}
    assert len(sessions) >= 3
    whole = "".join(letters)
    assert all(whole.startswith(played) for played in sessions.values()), sessions
    assert whole in sessions.values()  # a busy machine opens more sessions, and plays fewer to their end
