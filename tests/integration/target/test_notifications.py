"""WebSocket sessions that go on, and notifications that reach the right client only; progress at /mcp."""

import asyncio
import json

import pytest
from mcp import Client
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from harness.reference.keys import new_key
from harness.reference.tools import TOOLS

KEY = new_key()
HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "cursor", "version": "1"},
}


class Peer:
    """A WebSocket client: asks, and keeps what it is told meanwhile."""

    def __init__(self, url, **headers):
        self.connection = connect(
            url.replace("http", "ws") + "/mcp/ws",
            subprotocols=["mcp"],
            additional_headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        self.told, self.last = [], 0

    async def __aenter__(self):
        self.socket = await self.connection.__aenter__()
        return self

    async def __aexit__(self, *how):
        await self.connection.__aexit__(*how)

    async def ask(self, method, params=None):
        self.last += 1
        message = {"jsonrpc": "2.0", "id": self.last, "method": method}
        await self.socket.send(json.dumps(message | ({"params": params} if params is not None else {})))
        while (answer := await self.hear()).get("id") != self.last:
            self.told.append(answer)
        return answer

    async def hear(self):
        async with asyncio.timeout(30):
            return json.loads(await self.socket.recv())

    async def open(self):
        answer = await self.ask("initialize", HELLO)
        await self.socket.send(json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}))
        return answer["result"]["_meta"]["harness/session"]

    async def call(self, name="list_databases"):
        return await self.ask("tools/call", {"name": name, "arguments": {}})


async def test_a_socket_session_goes_on_after_the_connection_and_the_service_are_gone(start_target, schema):
    """The token of ours is enough, in a header or in the address; nothing is said again."""
    with start_target(schema=schema) as first:
        async with Peer(first.url) as peer:
            session = await peer.open()
            assert (await peer.call())["result"]["structuredContent"]["count"] == 3
        first.process.kill()
        first.process.wait()
    with start_target(schema=schema) as second:
        async with Peer(second.url, mcp_session_id=session) as peer:
            assert (await peer.call())["result"]["structuredContent"]["count"] == 3
            assert peer.told == []
        address = f"{second.url.replace('http', 'ws')}/mcp/ws?session={session}"
        async with connect(address, subprotocols=["mcp"]) as socket:
            await socket.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}))
            assert "result" in json.loads(await socket.recv())


async def test_a_socket_session_is_counted_like_others(serve_target, http, schema, sql):
    """It knows its client, its requests, and that none of them is under way any more."""
    url = await serve_target()
    async with Peer(url) as peer:
        session = await peer.open()
        for _ in range(3):
            await peer.call()
    async with asyncio.timeout(20), http.get(f"{url}/sessions/{session}") as response:
        page = await response.json()
        while await sql.fetchval(f"SELECT active FROM {schema}.sessions"):
            await asyncio.sleep(0.01)

    assert (page["type"], page["session"]["client"]["name"], page["session"]["requests"]) == (
        "code",
        "cursor",
        3,
    )


@pytest.mark.parametrize("how", ["unknown", "closed", "expired"])
async def test_a_token_whose_session_is_over_is_404(serve_target, http, schema, sql, how):
    """The upgrade is refused, and a socket that is open is closed at its next request."""
    url = await serve_target()
    async with Peer(url) as peer:
        session = await peer.open()
        if how == "closed":
            async with http.delete(f"{url}/mcp", headers={"mcp-session-id": session}) as response:
                assert response.status == 200
        else:
            change = "expires_at = now()" if how == "expired" else "id = 'another'"
            await sql.execute(f"UPDATE {schema}.sessions SET {change}")
        assert (await peer.call())["error"]["message"] == "Session not found"
        with pytest.raises(ConnectionClosed) as over:
            await peer.hear()
    with pytest.raises(InvalidStatus) as refused:
        async with Peer(url, mcp_session_id=session):
            pass

    assert over.value.rcvd.code == 4404
    assert refused.value.response.status_code == 404


async def test_without_its_store_a_socket_says_so_and_goes_on_afterwards(serve_target, schema, sql):
    """A request is answered with an error, going on is 503; later both work."""
    url = await serve_target()
    async with Peer(url) as peer:
        session = await peer.open()
        await sql.execute(f"ALTER TABLE {schema}.sessions RENAME TO gone")
        assert "does not answer" in (await peer.call())["error"]["message"]
        with pytest.raises(InvalidStatus) as refused:
            async with Peer(url, mcp_session_id=session):
                pass
        async with Peer(url) as other:
            opened = await other.ask("initialize", HELLO)
        await sql.execute(f"ALTER TABLE {schema}.gone RENAME TO sessions")
        assert "result" in await peer.call()

    assert refused.value.response.status_code == 503
    assert "harness/session" not in opened["result"].get("_meta", {})


async def submit(http, url, **headers):
    body = {"kind": "wait", "arguments": {"seconds": 0}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with http.post(f"{url}/tasks", json=body, headers=named) as response:
        assert response.status == 202, await response.text()
        return (await response.json())["id"]


async def test_a_finished_task_is_told_to_the_session_that_submitted_it(serve_target, http):
    """And to no other; a task of nobody's session is told to nobody."""
    url = await serve_target()
    async with Peer(url) as mine, Peer(url) as other:
        session, _ = await mine.open(), await other.open()
        await submit(http, url)
        task = await submit(http, url, mcp_session_id=session)
        told = await mine.hear()
        await other.ask("ping")
        await mine.ask("ping")

    assert told["method"] == "notifications/tasks/status"
    assert told["params"] == {"taskId": task, "status": "completed"}
    assert (mine.told, other.told) == ([], [])


async def test_another_process_s_worker_is_heard_too(start_target, schema, http):
    """The task is done elsewhere, and told here."""
    with start_target("--task-workers", "0", schema=schema) as server, start_target(schema=schema):
        async with Peer(server.url) as peer:
            session = await peer.open()
            # Until this process listens, which nobody outside can see, what is finished may go unheard.
            async with asyncio.timeout(60):
                while not peer.told:
                    await submit(http, server.url, mcp_session_id=session)
                    await peer.ask("ping")
            assert peer.told[0]["params"]["status"] == "completed"


async def test_with_keys_all_sockets_of_a_client_are_told_and_no_others(serve_target, http):
    """Finished tasks, a changed list of tools, and the end of the key."""
    url = await serve_target(auth=True, admin_key=KEY)
    admin = {"authorization": f"Bearer {KEY}"}
    made = []
    for name in ("a", "b"):
        async with http.post(f"{url}/clients", json={"name": name}, headers=admin) as response:
            made.append(await response.json())
    key = {"authorization": f"Bearer {made[0]['key']}"}
    path = f"{url}/clients/{made[0]['client']['id']}"
    async with (
        Peer(url, **key) as one,
        Peer(url, **key) as two,
        Peer(url, authorization=f"Bearer {made[1]['key']}") as other,
    ):
        opened = await one.ask("initialize", HELLO)
        await two.open()
        await other.open()
        before = await one.ask("tools/list")
        task = await submit(http, url, **key)
        tasks = [(await peer.hear())["params"]["taskId"] for peer in (one, two)]
        async with http.patch(path, json={"permission": "read-only"}, headers=admin) as response:
            assert response.status == 200
        changes = [(await peer.hear())["method"] for peer in (one, two)]
        after = await one.ask("tools/list")
        forbidden = await one.ask(
            "tools/call", {"name": "append_entry", "arguments": {"entry": "x", "log": "y"}}
        )
        async with http.delete(path, headers=admin):
            pass
        for peer in (one, two):
            with pytest.raises(ConnectionClosed) as closed:
                await peer.hear()
            assert closed.value.rcvd.code == 4401
        await other.ask("ping")

    assert opened["result"]["capabilities"]["tools"] == {"listChanged": True}
    assert tasks == [task] * 2
    assert changes == ["notifications/tools/list_changed"] * 2
    assert {tool["name"] for tool in before["result"]["tools"]} == set(TOOLS)
    assert {tool["name"] for tool in after["result"]["tools"]} == set(TOOLS) - {"append_entry"}
    assert forbidden["result"]["isError"]
    assert other.told == []


@pytest.mark.parametrize("sse", [False, True], ids=["json", "sse"])
@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_progress_is_told_to_whoever_asks_for_it(serve_target, mode, sse):
    """In order, before the answer, in both eras, whatever form other answers have."""
    url = await serve_target(json_response=not sse)
    heard = []

    async def hear(progress, total, _message):
        heard.append((progress, total))

    async with Client(f"{url}/mcp", mode=mode) as client:
        answer = await client.call_tool("wait", {"milliseconds": 20}, progress_callback=hear)
        await client.call_tool("wait", {"milliseconds": 1})

    assert answer.structured_content == {"waited_ms": 20}
    assert heard == [(step, 10) for step in range(1, 11)]
