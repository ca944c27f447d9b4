"""`locust -f locustfiles/...` as a user runs it, without the harness: statistics, the web page, what it imports."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from harness.run_directory.undo import UndoJournal
from harness.services import target
from harness.services.processes.ports import free_port

ROOT = Path(__file__).parents[2]
WAIT_S = 90.0

IMPORTS = """
import sys
from locust.util.load_locustfile import load_locustfile
classes, _ = load_locustfile("locustfiles/mcp.py")
import harness.load.inside.distributed.local
print(sys.modules["mcp"].__file__)
print(*sorted(classes))
print(*sorted(name for name in sys.modules if name.startswith(("mcp.", "mcp_types"))))
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> AsyncIterator[target.ManagedServer]:
    """The reference target, for all of these tests."""
    place = tmp_path_factory.mktemp("target")
    with UndoJournal(place / "undo.jsonl"):
        async with target.managed(place, postgres_url) as started:
            yield started


@asynccontextmanager
async def locust(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Locust of this test's own, ended with it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "locust",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def statistics_with(wanted: set[tuple[str, str]], *arguments: str) -> list[dict[str, Any]]:
    """Locust's own statistics, as soon as each of these operations is in them."""
    port = free_port()
    place = ("--autostart", "--web-host", "127.0.0.1", "--web-port", str(port))
    async with locust(*arguments, *place) as process, aiohttp.ClientSession() as browser:

        async def look() -> list[dict[str, Any]] | None:
            assert process.returncode is None
            try:
                async with browser.get(f"http://127.0.0.1:{port}/stats/requests") as reply:
                    found = await reply.json()
            except (aiohttp.ClientConnectorError, aiohttp.ContentTypeError):
                return None
            assert found["errors"] == []
            made = [entry for entry in found["stats"] if entry["num_requests"]]
            return made if wanted <= {(entry["method"], entry["name"]) for entry in made} else None

        entries: list[dict[str, Any]] = await until(look)
        return entries


@pytest.mark.parametrize("protocol", ["auto", "2025-11-25", "plain"])
async def test_the_workload_calls_what_it_is_told_in_any_dialect(
    served: target.ManagedServer, protocol: str
) -> None:
    """--call, --args and --mcp-protocol are plain Locust's options too."""
    url = f"{served.base_url}/mcp/tools/call" if protocol == "plain" else served.mcp_url
    entries = await statistics_with(
        {("http", "tools/call:execute_query")},
        *("-f", "locustfiles/workload.py", "-u", "2", "-r", "2", "--host", url),
        *("--mcp-protocol", protocol, "--call", "execute_query", "--args", '{"query": "SELECT 1"}'),
    )

    assert ("initialize" in {entry["name"] for entry in entries}) == (protocol == "2025-11-25")


async def test_the_web_page_starts_and_stops_a_load(served: target.ManagedServer) -> None:
    """On loopback only: the page answers, all three user classes work, their numbers are shown, it is stopped."""
    port = free_port()
    page = f"http://127.0.0.1:{port}"
    async with (
        locust("-f", "locustfiles/mcp.py", "--web-host", "127.0.0.1", "--web-port", str(port)) as process,
        aiohttp.ClientSession() as browser,
    ):

        async def stats() -> dict[str, Any]:
            async with browser.get(f"{page}/stats/requests") as reply:
                found: dict[str, Any] = await reply.json()
                return found

        await until(lambda: answers(browser, page))
        form = {"user_count": "5", "spawn_rate": "5", "host": served.base_url}
        async with browser.post(f"{page}/swarm", data=form) as reply:
            assert (await reply.json())["success"] is True
        running = await until(lambda: with_numbers(stats))
        assert running["state"] in {"running", "spawning"}
        assert running["errors"] == []
        async with browser.post(f"{page}/stop") as reply:
            assert reply.status == 200
        stopped = await until(lambda: in_state(stats, "stopped"))
        assert stopped["errors"] == []
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(WAIT_S):
            await process.wait()


async def until(look: Callable[[], Any]) -> Any:
    """What `look` finds, as soon as it finds anything."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        found = await look()
        if found:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {WAIT_S:g} s")


async def answers(browser: aiohttp.ClientSession, page: str) -> bool:
    try:
        async with browser.get(page) as reply:
            return reply.status == 200 and "Locust" in await reply.text()
    except aiohttp.ClientConnectorError:
        return False


async def with_numbers(stats: Callable[[], Any]) -> dict[str, Any] | None:
    found: dict[str, Any] = await stats()
    names = {(entry["method"], entry["name"]) for entry in found["stats"] if entry["num_requests"]}
    light = {("http", name) for name in ("tools/call:list_databases", "tools/call:list_views", "health")}
    wanted = {
        ("http", "tools/call:execute_query"),
        ("websocket", "initialize"),
        ("websocket", "tools/call:list_databases"),
    }
    return found if wanted <= names and names & light else None


async def in_state(stats: Callable[[], Any], state: str) -> dict[str, Any] | None:
    found: dict[str, Any] = await stats()
    return found if found["state"] == state else None


async def test_nothing_inside_locust_imports_the_sdk() -> None:
    """Locust loads locustfiles/mcp.py under the SDK's name, so that whoever imported it would get the wrong one."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", IMPORTS, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(WAIT_S):
        out, _ = await process.communicate()
    file, classes, *sdk = out.decode().splitlines()

    assert Path(file).name == "mcp.py"
    assert Path(file).parent.name == "locustfiles"
    assert classes.split() == ["HeavyUser", "LightUser", "WebSocketUser"]
    assert sdk == [""]
