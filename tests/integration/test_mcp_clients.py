"""Our clients and real servers: the official SDK in all its modes, npm's reference server, the reference target."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from harness.client.preflight import preflight
from harness.client.session import connected
from harness.load.inside.deadlines import Deadlines
from harness.load.inside.transport import Connection
from harness.mcp import outcome
from harness.mcp.dialects import new_session
from harness.mcp.messages import Reply
from tests import getting

SDK_SERVER = """
import socket, sys, uvicorn
from mcp.server import MCPServer
server = MCPServer("tiny", version="1.0")

@server.tool()
def echo(message: str) -> str:
    return message

@server.tool()
def fail() -> str:
    raise ValueError("it broke")

app = server.streamable_http_app(json_response="json" in sys.argv, stateless_http="stateless" in sys.argv)
sock = socket.socket()
sock.bind(("127.0.0.1", 0))
sock.listen(100)
print(sock.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[sock])
"""
MODES = ["events", "json", "stateless", "json stateless"]
VERSIONS = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]


@pytest.fixture(scope="module", params=MODES)
def sdk_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server of the official SDK, answering in this mode."""
    process = subprocess.Popen(
        [sys.executable, "-c", SDK_SERVER, *request.param.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    port = int(process.stdout.readline())
    yield f"http://127.0.0.1:{port}/mcp"
    process.kill()
    process.wait()
    process.stdout.close()


async def test_the_dialect_of_the_official_sdk_is_found(sdk_url: str) -> None:
    """With its name, its version and its tools."""
    found = await preflight(sdk_url, "auto", timeout_s=20)

    assert (found.protocol, found.server_name, found.server_version) == ("2026-07-28", "tiny", "1.0")
    assert {tool["name"] for tool in found.tools or []} == {"echo", "fail"}


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_official_sdk_answers_the_asyncio_client_in_every_version(
    sdk_url: str, version: str
) -> None:
    """Right and wrong calls, called what they are."""
    found = await preflight(sdk_url, version, timeout_s=20)
    async with connected(sdk_url, version, timeout_s=20) as client:
        right = await client.call("echo", {"message": "hällo"})
        wrong = await client.call("fail", {})
        unknown = await client.request("no/such/method", {})

    assert found.protocol == version
    assert right.value()["content"] == [{"type": "text", "text": "hällo"}]
    assert (wrong.outcome, wrong.detail) == (outcome.TOOL_ERROR, "Error executing tool fail")
    assert (unknown.outcome, unknown.code) == (outcome.RPC_ERROR, -32601)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_official_sdk_answers_the_load_s_connection_in_every_version(sdk_url: str, version: str) -> None:
    """The same, on one connection that is used again for every call."""
    done = in_one_session(sdk_url, version)
    outcomes = [one.reply.outcome for one in done]

    assert set(outcomes[:-2]) == {outcome.OK}
    assert outcomes[-2:] == [outcome.TOOL_ERROR, outcome.OK]
    assert [one.reused for one in done] == [False] + [True] * (len(done) - 1)


def in_one_session(url: str, version: str, failing: str = "fail") -> list:
    """Open, ten calls, one that fails, one more, close."""
    connection = Connection(url, Deadlines(), 20.0)
    session = new_session(version)
    done = []

    def exchange(request) -> Reply:
        done.append(connection.exchange(request))
        return done[-1].reply

    opening = session.opening()
    try:
        request = next(opening)
        while True:
            request = opening.send(exchange(request))
    except StopIteration:
        pass
    for number in range(10):
        exchange(session.call("echo", {"message": f"{number}"}))
    exchange(session.call(failing, {}))
    exchange(session.call("echo", {"message": "still there"}))
    for goodbye in session.closing():
        assert connection.exchange(goodbye).reply.outcome == outcome.OK
    connection.close()
    return done


async def test_a_session_that_was_closed_is_lost(sdk_url: str) -> None:
    """404 of a server that knew it; a stateless one takes any."""
    async with connected(sdk_url, "2025-11-25", timeout_s=20) as client:
        session = client._session
        kept = session.session_id
        assert (await client.call("echo", {"message": "hi"})).outcome == outcome.OK
        for goodbye in session.closing():
            await client._carrier.exchange(goodbye)
        session.session_id = kept  # as one does who has not noticed
        after = await client.call("echo", {"message": "hi"})

    assert after.outcome == (outcome.OK if kept is None else outcome.SESSION_LOST)


@pytest.fixture(scope="module")
def everything_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """npm's reference server, of the TypeScript SDK."""
    place = tmp_path_factory.mktemp("npm")
    package = "@modelcontextprotocol/server-everything"
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(place)]
    try:
        done = subprocess.run(
            [getting.node_program("npm"), "install", *options, package],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(getting.npm(error))
    if done.returncode:
        pytest.skip(getting.npm_package(package, done.stderr))
    script = place / "node_modules" / package / "dist" / "index.js"
    port = free_port()
    process = subprocess.Popen(
        [getting.node_program("node"), str(script), "streamableHttp"],
        env=os.environ | {"PORT": str(port)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    for line in process.stderr:  # ends when the process does
        if "listening" in line:
            break
    yield f"http://127.0.0.1:{port}/mcp"
    process.kill()
    process.wait()
    process.stderr.close()


def free_port() -> int:
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.mark.timeout(200)
async def test_npm_s_reference_server_is_found_and_called(everything_url: str) -> None:
    """Priming events, an event store, sessions of another SDK."""
    found = await preflight(everything_url, "auto", timeout_s=20)
    async with connected(everything_url, timeout_s=20) as client:
        called = await client.call("echo", {"message": "hi"})

    assert found.protocol == client.protocol == "2025-11-25"
    assert found.server_name
    assert "echo" in {tool["name"] for tool in found.tools or []}
    assert called.value()["content"] == [{"type": "text", "text": "Echo: hi"}]


@pytest.mark.timeout(200)
@pytest.mark.parametrize("version", VERSIONS[1:])
def test_npm_s_reference_server_answers_the_load_s_connection(everything_url: str, version: str) -> None:
    """In every version of the handshake, on one connection."""
    done = in_one_session(everything_url, version, failing="no-such-tool")

    assert [one.reply.outcome for one in done if one.reply.outcome != outcome.OK] == [outcome.TOOL_ERROR]
    assert sum(not one.reused for one in done) == 1
