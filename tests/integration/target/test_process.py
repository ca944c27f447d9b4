"""The target as a process: its ready line, its port, its signals, and its sessions over a restart."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from harness.foundation.errors import TargetUnreachableError, UsageError
from harness.reference import seed
from harness.reference.serve import serving
from harness.reference.settings import Settings
from tests import getting
from tests.integration.target.doors import ACCEPT, INITIALIZE

CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "execute_query", "arguments": {"query": "SELECT 1 AS one"}},
}


def run_target(*flags, env=None):
    command = [sys.executable, "-m", "harness.reference", *flags]
    environment = {**os.environ, **(env or {})}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)


async def open_session(http, url):
    async with http.post(f"{url}/mcp", json=INITIALIZE, headers=ACCEPT) as response:
        assert response.status == 200
        return response.headers["mcp-session-id"]


async def call(http, url, session):
    headers = {**ACCEPT, "mcp-session-id": session, "mcp-protocol-version": "2025-11-25"}
    async with http.post(f"{url}/mcp", json=CALL, headers=headers) as response:
        return response.status, await response.json()


@pytest.mark.parametrize(
    ("store", "end", "number"),
    [
        ("postgres", signal.SIGKILL, 1000),
        ("postgres", signal.SIGTERM, 20),
        ("redis", signal.SIGTERM, 20),
    ],
)
async def test_sessions_survive_a_restart(request, start_target, schema, store, end, number):
    """Sessions that were opened before a restart work after it, every one, however the process ended."""
    flags = ["--sessions", store]
    flags += ["--redis-url", request.getfixturevalue("redis_url")] if store == "redis" else []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=50)) as http:
        with start_target(*flags, schema=schema) as first:
            sessions = await asyncio.gather(*(open_session(http, first.url) for _ in range(number)))
            first.process.send_signal(end)
            first.process.wait(timeout=60)
        with start_target(*flags, schema=schema) as second:
            answers = await asyncio.gather(*(call(http, second.url, session) for session in sessions))

    assert len(set(sessions)) == number
    assert {status for status, _ in answers} == {200}
    assert all(answer["result"]["structuredContent"]["rows"] == [[1]] for _, answer in answers)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_with_zero_and_nothing_left(start_target, end):
    """Asked to stop, the target exits 0, says no second line, and leaves no process and no listener."""
    with start_target() as target:
        children = Path(f"/proc/{target.process.pid}/task/{target.process.pid}/children").read_text()
        target.process.send_signal(end)
        code = target.process.wait(timeout=60)
        rest = target.process.stdout.read()

    assert (code, rest, children) == (0, "", "")
    host, port = target.url.removeprefix("http://").split(":")
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0


async def test_stop_waits_for_the_call_in_flight(start_target, postgres_url):
    """A call that runs when SIGTERM comes is answered before the process ends."""
    slow = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "execute_query",
        "params": {"query": "SELECT 7 AS seven, pg_sleep(1)"},
    }
    connection = await asyncpg.connect(postgres_url)
    async with aiohttp.ClientSession() as http:
        with start_target() as target:
            sent = http.post(f"{target.url}/mcp/tools/call", json=slow)
            pending = asyncio.create_task(sent.__aenter__())
            running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT 7 AS seven%'"
            async with asyncio.timeout(20):
                while not await connection.fetchval(running):
                    await asyncio.sleep(0.01)
            target.process.send_signal(signal.SIGTERM)
            response = await pending
            answer = await response.json()
            assert target.process.wait(timeout=60) == 0
    await connection.close()

    assert answer["result"]["structuredContent"]["rows"] == [[7, None]]


async def test_port_lost_after_the_start_began_is_a_usage_error(postgres_url, schema):
    """A port that somebody else begins to listen on while the service starts is told the same way."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        starting = asyncio.create_task(start_only(Settings(postgres_url, port=port, schema=schema)))
        await asyncio.sleep(0)  # it has bound, and waits for its database
        other.listen()
        with pytest.raises(UsageError, match=f"Port {port} is taken"):
            await starting


async def start_only(settings):
    async with serving(settings):
        pass


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason=getting.IPV6)
async def test_ipv6_address_is_shown_as_a_url(serve_target, http):
    """On ::1 the address is one that can be used as it is shown."""
    url = await serve_target(host="::1")
    assert url.startswith("http://[::1]:")
    async with http.get(f"{url}/health") as response:
        assert response.status == 200


def test_address_of_somebody_else_is_a_usage_error():
    """An address that this machine does not have cannot be listened on."""
    ended = run_target("--host", "192.0.2.1", "--port", "0", "--database-url", "postgresql://u@127.0.0.1/x")

    assert ended.returncode == 2
    assert ended.stderr.splitlines()[0] == "Cannot listen on 192.0.2.1:0."


async def test_service_can_be_opened_again(postgres_url, schema):
    """Opened, closed and opened again in one process, it serves as the first time, with its sessions."""
    settings = Settings(postgres_url, port=0, schema=schema)
    async with aiohttp.ClientSession() as http:
        async with serving(settings) as first:
            session = await open_session(http, first)
        async with serving(settings) as second:
            status, _answer = await call(http, second, session)

    assert status == 200


async def test_user_who_may_not_create_is_told(postgres_url, schema):
    """Without the right to make a schema the start ends with words."""
    role = f"role_{schema}"
    connection = await asyncpg.connect(postgres_url)
    await seed.ensure(postgres_url, connect_timeout_s=5)
    await connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    try:
        where = postgres_url.rpartition("@")[2]
        settings = Settings(f"postgresql://{role}:x@{where}", port=0, schema=schema)
        with pytest.raises(TargetUnreachableError, match=f"cannot make its schema {schema}"):
            await start_only(settings)
    finally:
        await connection.execute(f"DROP ROLE {role}")
        await connection.close()


def test_taken_port_is_a_usage_error(start_target, postgres_url):
    """A port in use ends with exit 2 and says which port and what to do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ended = run_target("--port", str(port), "--database-url", postgres_url)

    assert ended.returncode == 2
    assert ended.stderr.splitlines()[0] == f"Port {port} is taken."
    assert len(ended.stderr.splitlines()) == 3
    assert ended.stdout == ""


def test_no_database_is_a_usage_error():
    """Without a database the target says how to name one."""
    ended = run_target("--port", "0", env={"DATABASE_URL": ""})

    assert ended.returncode == 2
    assert "--database-url" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_unreachable_database_ends_with_a_clear_error():
    """A database that is not there ends the start with three lines and without the password."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, not listening: refused
        url = f"postgresql://somebody:secret@127.0.0.1:{closed.getsockname()[1]}/postgres"
        ended = run_target("--port", "0", "--database-url", url)

    assert ended.returncode == 4
    assert ended.stderr.splitlines()[0] == "The target cannot use its database."
    assert len(ended.stderr.splitlines()) == 3
    assert "secret" not in ended.stderr


def test_several_targets_start_on_one_database(start_target, schema):
    """Two processes on one schema serve each other's sessions."""

    async def story(one, two):
        async with aiohttp.ClientSession() as http:
            session = await open_session(http, one)
            return await call(http, two, session)

    with start_target(schema=schema) as one, start_target(schema=schema) as two:
        status, _answer = asyncio.run(story(one.url, two.url))

    assert status == 200
