"""`harness init` for a server of somebody's own: every command of the README that it writes is run, in short forms."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.services.processes.ports import free_port
from tests import waiting

SERVER = """
import sys, uvicorn
from mcp.server import MCPServer
from mcp.types import ToolAnnotations
server = MCPServer("shop", version="2.0")
reads = ToolAnnotations(read_only_hint=True)

@server.tool(annotations=reads)
def find(word: str) -> str:
    return word

@server.tool(annotations=reads)
def look(path: str) -> str:
    raise ValueError("no such path")

@server.tool()
def buy(item: int) -> str:
    raise SystemExit("nobody may call this")

if sys.argv[1] == "stdio":
    server.run("stdio")
else:
    uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
"""
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
SHORTER = (
    ("for: 20s", "for: 3s"),
    ("for: 60s", "for: 3s"),
    ("hold: 10s", "hold: 1s"),
    ("warm_up: 5s", "warm_up: 1s"),
)
PASSED_OR_UNKNOWN = {0, 3}  # unknown: the machine is busy
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server as a program."""
    program = tmp_path_factory.mktemp("shop") / "server.py"
    program.write_text(SERVER)
    return program


@pytest.fixture(scope="module")
def url(shop: Path) -> Iterator[str]:
    """Its address, while it runs."""
    port = free_port()
    process = subprocess.Popen([sys.executable, str(shop), str(port)])
    waiting.for_port(port)
    yield f"http://127.0.0.1:{port}/mcp"
    process.kill()
    process.wait()


def ran(line: str, place: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = (
        os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HARNESS_HISTORY": "off"} | more
    )
    environment.pop("HARNESS_OUT", None)
    return subprocess.run(
        shlex.split(line),
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def commands(place: Path) -> list[str]:
    blocks = BLOCK.findall((place / "README.md").read_text())
    return [line for block in blocks for line in block.splitlines() if line]


def in_short(line: str) -> str:
    """The same command, in less time."""
    line = re.sub(r"--max \d+ --hold 5s", "--max 2 --step 1 --hold 1s", line)
    if line.startswith("harness chaos"):
        line += " --before 4s --after 4s --users 2"
    if line.startswith("harness nightly"):
        line += " --repeats 1 --no-confirm"
    if line.startswith("locust "):
        line += " --headless --users 2 --run-time 4s --exit-code-on-error 1"
    return line


def shorten(place: Path) -> None:
    for path in (place / "scenarios").glob("*.yaml"):
        text = path.read_text()
        for long, short in SHORTER:
            text = text.replace(long, short)
        path.write_text(text)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("over", ["http", "stdio"])
def test_every_command_of_the_written_readme_works(
    over: str, shop: Path, url: str, tmp_path: Path, toxiproxy_binary: Path
) -> None:
    """As a new user would, one after the other; what is made for the run stays in the folder."""
    server = f"--url {url}" if over == "http" else f"--command '{sys.executable} {shop} stdio'"
    made = ran(f"harness init tests-of-shop {server}", tmp_path)
    assert made.returncode == 0, made.stderr
    place = tmp_path / "tests-of-shop"
    shorten(place)
    path = f"{toxiproxy_binary.parent}{os.pathsep}{BIN}{os.pathsep}{os.environ['PATH']}"

    lines = commands(place)
    ended = {
        line: ran(in_short(line), place, PATH=path) for line in lines if line != "harness toxiproxy install"
    }

    assert {line.split()[1] for line in lines if line.startswith("harness ")} >= {
        "run",
        "ramp",
        "chaos",
        "verify",
        "nightly",
    }
    assert {
        line: one.stdout + one.stderr
        for line, one in ended.items()
        if one.returncode not in PASSED_OR_UNKNOWN
    } == {}
    assert "nobody may call this" not in "".join(one.stdout + one.stderr for one in ended.values())


def test_what_was_tried_is_what_is_written(url: str, tmp_path: Path) -> None:
    """Tools that only read and have answered; no other one is called. A second time nothing is written over."""
    first = ran(f"harness init there --url {url} -H 'X-Token: very-secret-1'", tmp_path)
    written = [path for path in (tmp_path / "there").rglob("*") if path.is_file()]
    secret = [path for path in written if "very-secret-1" in path.read_text()]
    named = [path.name for path in written if "${MCP_X_TOKEN}" in path.read_text()]
    again = ran(f"harness init there --url {url}", tmp_path)
    forced = ran(f"harness init there --url {url} --force", tmp_path)

    assert (first.returncode, again.returncode, forced.returncode) == (0, 2, 0), first.stderr + forced.stderr
    scenario = (tmp_path / "there" / "scenarios" / "first.yaml").read_text()
    assert "call: find" in scenario
    assert "#   look: " in scenario
    assert "#   buy: it may write: it is not annotated as read-only" in scenario
    assert "Nothing is written over" in again.stderr
    assert (len(written), secret) == (10, [])
    assert {"first.yaml", "nightly.yaml", "README.md"} <= set(named)
