"""`python -m tests.e2e.verify_others [NAME]`: `harness verify` against servers that are not ours: does any check fail that should not?

What each really does wrong is in `KNOWN`. A server that cannot be had here is skipped, with the reason.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.mcp.stdio_address import address
from harness.services.processes.ports import free_port
from harness.verify.results.suite import SuiteResult
from harness.verify.settings import Settings
from harness.verify.suite import verify
from tests import getting, npm, waiting
from tests.fakes.mcp_server import mcp_server

REBINDING = frozenset({"a page of another origin is refused", "a rebound page is refused"})
FASTMCP = "fastmcp==4.2.3"
SERVER = """
import sys
from fastmcp import FastMCP
server = FastMCP("trial")

@server.tool(annotations={"readOnlyHint": True})
def add(a: int = 1, b: int = 2) -> int:
    return a + b

server.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]))
"""


def judged(url: str) -> SuiteResult:
    with tempfile.TemporaryDirectory(prefix="harness-verify-others-") as place:
        settings = Settings(url, keep_going=True, timeout_s=90.0)
        return verify(settings, [], lambda _: None, place=lambda: Path(place))


def everything() -> SuiteResult:
    with npm.everything("streamableHttp") as origin:
        return judged(f"{origin}/mcp")


def everything_sse() -> SuiteResult:
    with npm.everything("sse") as origin:
        return judged(f"{origin}/sse")


def everything_stdio() -> SuiteResult:
    script = npm.installed(npm.EVERYTHING) / "dist" / "index.js"
    return judged(address([getting.node_program("node"), str(script), "stdio"]))


def python_sdk() -> SuiteResult:
    async def served() -> SuiteResult:
        async with mcp_server() as url:
            return await asyncio.to_thread(judged, url)

    return asyncio.run(served())


def fastmcp() -> SuiteResult:
    with _fastmcp() as url:
        return judged(url)


@contextmanager
def _fastmcp() -> Iterator[str]:
    """A server of it, in an environment of its own: it needs other versions than we do."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mcp-harness-tests" / FASTMCP
    python = cache / "bin" / "python"
    if not (cache / "installed").exists():
        venv.create(cache, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", FASTMCP]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"pip could not install {FASTMCP}: {' '.join(done.stderr.split())[-200:]}")
        (cache / "installed").touch()
    port = free_port()
    process = subprocess.Popen(
        [str(python), "-c", SERVER, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        waiting.for_port(port, process)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        process.wait()


KNOWN: dict[str, tuple[Callable[[], SuiteResult], frozenset[str]]] = {
    "everything": (everything, REBINDING),
    "everything-sse": (everything_sse, frozenset()),
    "everything-stdio": (everything_stdio, frozenset()),
    "python-sdk": (python_sdk, frozenset()),
    "fastmcp": (fastmcp, REBINDING),
}


def main(names: Sequence[str]) -> int:
    """The number of servers of which a check says something else than is known."""
    apart = 0
    for name in names or KNOWN:
        trial, known = KNOWN[name]
        try:
            suite = trial()
        except pytest.skip.Exception as why:
            print(f"{name}: skipped: {why}", flush=True)  # noqa: T201
            continue
        wrong = {each.name: each.why for each in suite.results if each.outcome in {"failed", "unknown"}}
        apart += set(wrong) != known
        counted = ", ".join(f"{number} {outcome}" for outcome, number in suite.count().items() if number)
        print(f"{name}: {counted}; {'as it should be' if set(wrong) == known else wrong}", flush=True)  # noqa: T201
    return apart


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
