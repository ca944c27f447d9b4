"""npm's packages for tests: installed once for a user and a version, shared by all workers of all runs."""

import fcntl
import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.services.processes.ports import free_port
from tests import getting, waiting

INSTALL_S = 150
COUNTING = Path(__file__).parent / "fakes" / "counting.cjs"
EVERYTHING = "@modelcontextprotocol/server-everything@2026.8.31"


def installed(package: str) -> Path:
    """The folder of a package (`@scope/name@version`); the test is skipped, with the reason, where npm cannot get it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mcp-harness-tests" / "npm"
    place = cache / package.replace("/", "+")
    found = place / "node_modules" / package.rpartition("@")[0]
    place.mkdir(parents=True, exist_ok=True)
    done = place / "installed"
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the workers of a test run want it at the same time
        if not done.exists():
            _install(package, place)
            done.touch()
    return found


def _install(package: str, place: Path) -> None:
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(place)]
    try:
        run = subprocess.run(
            [getting.node_program("npm"), "install", *options, package],
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(getting.npm(error))
    if run.returncode:
        pytest.skip(getting.npm_package(package, run.stderr))


@contextmanager
def everything(mode: str) -> Iterator[str]:
    """The origin of npm's reference server, of the TypeScript SDK: streamableHttp at /mcp, sse at /sse.

    What passes in and out of it is counted (`counted`) by a script that is loaded before it.
    """
    script = installed(EVERYTHING) / "dist" / "index.js"
    port = free_port()
    process = subprocess.Popen(
        [getting.node_program("node"), "--require", str(COUNTING), str(script), mode],
        env=os.environ | {"PORT": str(port)},
        stdout=subprocess.DEVNULL,  # it says a line for every request; nobody reads them
        stderr=subprocess.DEVNULL,
    )
    waiting.for_port(port, process)
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()


def counted(origin: str) -> dict[str, Any]:
    """By the server's side: `calls` it was sent, by tool, and its answers that were `ok`, `tool_error`, `rpc_error`."""
    with urllib.request.urlopen(f"{origin}/counted", timeout=60) as reply:
        found: dict[str, Any] = json.loads(reply.read())
    return found
