"""/mcp/ws: MCP over a real WebSocket, one JSON-RPC message a text frame."""

import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from harness.reference.tools import TOOLS

INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


async def ask(socket, request_id, method, params=None):
    message = {"jsonrpc": "2.0", "id": request_id, "method": method}
    await socket.send(json.dumps(message | ({"params": params} if params is not None else {})))
    return json.loads(await socket.recv())


async def handshake(socket):
    answer = await ask(socket, 1, "initialize", INITIALIZE)
    await socket.send(json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}))
    return answer


@pytest.fixture
async def ws_url(serve_target):
    """The WebSocket address of a fresh target."""
    return (await serve_target()).replace("http://", "ws://") + "/mcp/ws"


async def test_handshake_list_call_and_ping(ws_url):
    """The normal sequence of a client, with integer ids."""
    async with connect(ws_url, subprotocols=["mcp"]) as socket:
        assert socket.subprotocol == "mcp"
        opened = await handshake(socket)
        listed = await ask(socket, 2, "tools/list")
        called = await ask(socket, 3, "tools/call", {"name": "list_databases", "arguments": {}})
        pong = await ask(socket, 4, "ping")

    assert opened["result"]["protocolVersion"] == "2025-11-25"
    assert [tool["name"] for tool in listed["result"]["tools"]] == list(TOOLS)
    assert (called["id"], called["result"]["structuredContent"]["count"]) == (3, 3)
    assert pong == {"jsonrpc": "2.0", "id": 4, "result": {}}


async def test_no_subprotocol_is_served_too(ws_url):
    """A client that offers no subprotocol is given none, and served."""
    async with connect(ws_url) as socket:
        assert socket.subprotocol is None
        assert "result" in await handshake(socket)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{nonsense", -32700),
        (b"\xff\xfe", -32700),
        ("[]", -32600),
        ('{"jsonrpc": "2.0"}', -32600),
        ("", -32700),
    ],
)
async def test_malformed_frame_does_not_end_the_connection(ws_url, frame, code):
    """A frame that is no message gets an error without an id; the next one is answered."""
    async with connect(ws_url, subprotocols=["mcp"]) as socket:
        await handshake(socket)
        await socket.send(frame)
        error = json.loads(await socket.recv())
        after = await ask(socket, 2, "ping")

    assert (error["id"], error["error"]["code"]) == (None, code)
    assert after["id"] == 2


async def test_answers_come_in_the_order_they_are_ready(ws_url):
    """A slow call does not hold up a quick one on the same connection."""
    slow = {"name": "execute_query", "arguments": {"query": "SELECT pg_sleep(0.3)"}}
    async with connect(ws_url, subprotocols=["mcp"]) as socket:
        await handshake(socket)
        for request_id, params in ((2, slow), (3, {"name": "list_databases", "arguments": {}})):
            await socket.send(
                json.dumps({"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": params})
            )
        ids = [json.loads(await socket.recv())["id"] for _ in range(2)]

    assert ids == [3, 2]


async def test_tool_faults_are_said(ws_url):
    """An unknown tool, an unknown method and a refused query are told apart."""
    async with connect(ws_url, subprotocols=["mcp"]) as socket:
        await handshake(socket)
        unknown_tool = await ask(socket, 2, "tools/call", {"name": "nothing", "arguments": {}})
        unknown_method = await ask(socket, 3, "no/such")
        refused = await ask(
            socket, 4, "tools/call", {"name": "execute_query", "arguments": {"query": "DROP TABLE x"}}
        )

    assert unknown_tool["error"]["code"] == -32602
    assert unknown_method["error"]["code"] == -32601
    assert refused["result"]["isError"] is True


async def test_foreign_origin_is_refused(ws_url):
    """A web page of another origin cannot open a socket to a target on loopback."""
    with pytest.raises(InvalidStatus) as refused:
        await connect(ws_url, subprotocols=["mcp"], origin="http://evil.test")

    assert refused.value.response.status_code == 403


async def test_stopping_the_service_closes_the_socket(start_target):
    """Asked to stop, the target closes its WebSockets instead of waiting for them."""
    with start_target() as target:
        async with connect(target.url.replace("http", "ws") + "/mcp/ws", subprotocols=["mcp"]) as socket:
            await handshake(socket)
            target.process.terminate()
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
        assert target.process.wait(timeout=60) == 0

    assert closed.value.rcvd.code == 1012
