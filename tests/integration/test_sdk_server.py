"""The official SDK's server, in both eras: looked at by the preflight, called by the load's own connection."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import gevent
import pytest

from harness.client.preflight import preflight
from harness.load.inside.transport.deadlines import Deadlines
from harness.load.inside.transport.http_connection import HttpConnection
from harness.mcp import outcome
from harness.mcp.dialects import Session, new_session
from harness.mcp.messages import Reply, Request
from harness.services.processes.ports import free_port

ERAS = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
SERVER = """
import sys, anyio, uvicorn
from mcp.server import MCPServer
from mcp import types
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.message import ServerMessageMetadata
server = MCPServer("tiny", version="1.0")
ended = []

@server.tool()
def echo(message: str) -> str:
    return message

@server.tool()
def fail() -> str:
    raise ToolError("no such table")

@server.tool()
async def slow() -> str:
    try:
        await anyio.sleep(30)
    except BaseException as error:
        ended.append(type(error).__name__)
        raise
    return "done"

@server.tool()
def how_slow_ended() -> str:
    return " ".join(ended)

@server.tool()
async def asks(context: Context) -> str:
    ping, on_this_stream = types.PingRequest(), ServerMessageMetadata(related_request_id=context.request_id)
    await context.session.send_request(ping, types.EmptyResult, metadata=on_this_stream)
    return "the client is there"

json_response = sys.argv[2] == "json"
app = server.streamable_http_app(json_response=json_response)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
"""


@pytest.fixture(scope="module", params=["sse", "json"])
def sdk(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Its URL, and how it answers in the handshake era."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port), request.param])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/mcp", request.param
    process.kill()
    process.wait()


def run(connection: HttpConnection, session: Session, *, close: bool = False) -> Reply | None:
    """Open or close a session, as a user does."""
    sequence = session.closing() if close else session.opening()
    try:
        request: Request = next(sequence)
        while True:
            request = sequence.send(connection.exchange(request).reply)
    except StopIteration as ended:
        decided: Reply | None = ended.value
        return decided


@pytest.mark.parametrize("protocol", ["auto", *ERAS])
async def test_the_preflight_learns_its_name_and_tools(sdk: tuple[str, str], protocol: str) -> None:
    """Whatever it is asked to speak."""
    found = await preflight(sdk[0], protocol, timeout_s=20)

    assert found.protocol == ("2026-07-28" if protocol == "auto" else protocol)
    assert (found.server_name, found.server_version) == ("tiny", "1.0")
    assert [tool["name"] for tool in found.tools or ()] == ["echo", "fail", "slow", "how_slow_ended", "asks"]


@pytest.mark.parametrize("protocol", ERAS[:2])
def test_calls_errors_and_a_lost_session_have_their_names(sdk: tuple[str, str], protocol: str) -> None:
    """One connection from the first call to the last."""
    connection, session = HttpConnection(sdk[0], Deadlines(), 20), new_session(protocol)
    modern = protocol == ERAS[0]
    opened = run(connection, session)
    done = [
        connection.exchange(session.call("echo", {"message": "grüß dich"})),
        connection.exchange(session.call("fail", {})),
        connection.exchange(session.call("no_such_tool", {})),
        connection.exchange(session.request("no/such/method", {})),
    ]
    late = session.call("echo", {"message": "anyone?"})
    closed = run(connection, session, close=True)
    after = connection.exchange(late)
    connection.close()

    assert opened is None if modern else opened is not None and opened.outcome == outcome.OK
    assert [reply.reply.outcome for reply in done] == [
        outcome.OK,
        outcome.TOOL_ERROR,
        outcome.TOOL_ERROR,
        outcome.RPC_ERROR,
    ]
    assert done[0].reply.mapping()["content"][0]["text"] == "grüß dich"
    assert "no such table" in done[1].reply.detail
    assert (done[3].reply.status, done[3].reply.code) == (404 if modern else 200, -32601)
    assert [reply.reused for reply in done] == [not modern, True, True, True]
    assert closed is None if modern else closed is not None and closed.outcome == outcome.OK
    assert after.reply.outcome == (outcome.OK if modern else outcome.SESSION_LOST)


def test_a_call_that_is_given_up_is_ended_in_the_server(sdk: tuple[str, str]) -> None:
    """By a word in the handshake era, so that abandoned work does not skew what is measured next."""
    impatient, patient = HttpConnection(sdk[0], Deadlines(), 1.0), HttpConnection(sdk[0], Deadlines(), 20)
    session = new_session("2025-11-25")
    run(patient, session)
    given_up = impatient.exchange(session.call("slow", {}))
    ended = ""
    with gevent.Timeout(20):
        while not ended:
            gevent.sleep(0.05)
            reply = patient.exchange(session.call("how_slow_ended", {})).reply
            ended = reply.mapping()["content"][0]["text"] if reply.mapping()["content"] else ""
    impatient.close()
    patient.close()

    assert given_up.reply.outcome == outcome.TIMEOUT
    assert "Cancelled" in ended


@pytest.mark.parametrize("sdk", ["sse"], indirect=True)  # a JSON reply has no room for a request
def test_a_server_that_asks_in_mid_call_is_answered(sdk: tuple[str, str]) -> None:
    """Its ping comes on the stream of the call, whose response waits for the answer."""
    url, _ = sdk
    connection, session = HttpConnection(url, Deadlines(), 20), new_session("2025-11-25")
    run(connection, session)
    done = connection.exchange(session.call("asks", {}))
    connection.close()

    assert done.reply.outcome == outcome.OK, done.reply
    assert done.reply.mapping()["content"][0]["text"] == "the client is there"
