"""/health and /status, also while the database is frozen or gone."""

import asyncio
from contextlib import asynccontextmanager
from itertools import count
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect

from harness import __version__
from harness.reference.serve import serving
from harness.reference.settings import Settings
from tests.integration.target.doors import HANDSHAKE, JSON, Talk, call, modern, opened, rpc


class Link:
    """A TCP relay in front of PostgreSQL that can be frozen and cut."""

    def __init__(self, to_port):
        self.to_port, self.writers = to_port, []
        self.flows = asyncio.Event()
        self.flows.set()

    async def serve(self, reader, writer):
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self.to_port)
        self.writers += [writer, back_writer]
        await asyncio.gather(self.pump(reader, back_writer), self.pump(back_reader, writer))

    async def pump(self, reader, writer):
        try:
            while data := await reader.read(65536):
                await self.flows.wait()
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()

    def cut(self):
        self.flows.set()
        for writer in self.writers:
            writer.transport.abort()


@asynccontextmanager
async def link_to(postgres_url):
    link = Link(urlsplit(postgres_url).port)
    server = await asyncio.start_server(link.serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield link, server, postgres_url.replace(f":{link.to_port}/", f":{port}/")
    finally:
        server.close()
        link.cut()


@pytest.fixture
async def linked(serve_target, postgres_url, http):
    """A target behind a relay: the relay, its server, and a way to ask the target."""
    async with link_to(postgres_url) as (link, server, url):
        base = await serve_target(
            database_url=url, health_timeout_s=0.3, connect_timeout_s=0.3, statement_timeout_s=0.5
        )

        async def get(path):
            async with http.get(base + path) as response:
                return response.status, await response.json()

        async def query():
            body = {"jsonrpc": "2.0", "id": 1, "method": "execute_query", "params": {"query": "SELECT 1"}}
            async with http.post(f"{base}/mcp/tools/call", json=body) as response:
                return (await response.json())["result"]

        yield link, server, get, query


async def test_healthy_with_a_database(serve_target, http):
    """With its database there the service is healthy."""
    url = await serve_target()
    async with http.get(f"{url}/health") as response:
        assert response.status == 200
        assert await response.json() == {
            "status": "healthy",
            "checks": {"database": "ok", "sessions": "ok", "queue": "ok"},
        }


async def test_frozen_database_is_unhealthy_in_time_and_heals(linked):
    """While the database says nothing, health says unhealthy and calls end with words; then all is well again."""
    link, _server, get, query = linked
    assert (await get("/health"))[0] == 200
    link.flows.clear()
    async with asyncio.timeout(20):
        status, page = await get("/health")
        call = await query()
    link.flows.set()
    async with asyncio.timeout(20):
        while (await get("/health"))[0] != 200:
            await asyncio.sleep(0.05)

    assert (status, page["status"]) == (503, "unhealthy")
    assert page["checks"]["database"]
    assert call["isError"]
    assert not (await query())["isError"]


async def test_every_door_answers_while_the_database_is_frozen_and_the_records_come_later(
    serve_target, postgres_url, http, schema
):
    """An error in each door's own words, none of them waited for for ever; afterwards all work, and nothing is lost."""
    async with link_to(postgres_url) as (link, _server, url):
        base = await serve_target(
            database_url=url, connect_timeout_s=0.3, statement_timeout_s=0.5, pool_wait_s=0.5
        )
        session, talk = await opened(http, base), await Talk.begun(base)
        query = call("execute_query", query="SELECT 1")
        headers, body = modern("tools/call", query)
        in_session = {**HANDSHAKE, "mcp-session-id": session}

        async def post(path, message, **told):
            async with http.post(base + path, json=message, headers={**JSON, **told}) as response:
                answer = await response.json()
                return response.status, "error" in answer or answer.get("result", {}).get("isError", False)

        async def all_doors(number):
            answers = await asyncio.gather(
                post("/mcp/tools/call", rpc("execute_query", {"query": "SELECT 1"})),
                post("/mcp/tools/call", rpc("append_entry", {"entry": str(number)})),
                post("/mcp", body, **headers),
                post("/mcp", rpc("tools/call", query), **in_session),
                post("/tasks", {"kind": "wait", "arguments": {"seconds": 0}}),
                talk.ask("tools/call", query, number),
            )
            return [*answers[:-1], (200, "error" in answers[-1])]

        link.flows.clear()
        async with asyncio.timeout(60):
            frozen = await all_doors(2)
        link.flows.set()
        async with asyncio.timeout(60):
            for number in count(3):
                if not any(wrong for _, wrong in await all_doors(number)):
                    break
                await asyncio.sleep(0.05)
        async with http.get(f"{base}/status") as response:
            page = await response.json()
        await talk.socket.close()

    assert frozen == [(200, True), (200, True), (200, True), (503, True), (503, True), (200, True)]
    assert (page["in_flight"], page["executions"]["lost"], page["refusals"]["lost"]) == (0, 0, 0)


async def test_cut_and_refused_database_is_a_tool_error(linked):
    """With connections reset and new ones refused, a call fails with words, and status still answers."""
    link, server, get, query = linked
    await query()
    server.close()
    link.cut()
    async with asyncio.timeout(20):
        call = await query()
        health_status, _page = await get("/health")
        status_status, page = await get("/status")

    assert call["isError"]
    assert "does not answer" in call["content"][0]["text"]
    assert health_status == 503
    assert (status_status, page["sessions"]) == (200, {"open": None})


async def test_stop_is_bounded_while_the_database_is_frozen(postgres_url, schema):
    """A database that says nothing does not hold up the end of the service."""
    async with link_to(postgres_url) as (link, _server, url):
        settings = Settings(url, port=0, schema=schema, pool_min=1)
        async with asyncio.timeout(20), serving(settings):
            link.flows.clear()


async def test_connections_cut_once_are_replaced(linked):
    """After every connection was reset the next calls use new ones."""
    link, _server, get, query = linked
    await query()
    link.cut()
    async with asyncio.timeout(20):
        while (await query())["isError"]:
            await asyncio.sleep(0.01)

        assert (await get("/health"))[0] == 200


async def test_status_counts_by_door(serve_target, http):
    """Status names the version, the pools, the open sessions, and the requests of each door."""
    url = await serve_target(pool_max=3)
    body = {"jsonrpc": "2.0", "id": 1, "method": "list_databases"}
    for _ in range(2):
        async with http.post(f"{url}/mcp/tools/call", json=body):
            pass
    async with http.post(f"{url}/mcp", json={}):
        pass
    async with connect(url.replace("http", "ws") + "/mcp/ws"), http.get(f"{url}/status") as response:
        page = await response.json()

    assert page["version"] == __version__
    assert page["uptime_s"] >= 0
    assert page["sessions"] == {"open": 0}
    assert page["requests"] == {"plain": 2, "mcp": 1, "websocket": 1}
    own = page["pools"]["own"]
    assert (own["max"], own["waiting"]) == (3, 0)
    assert 1 <= own["open"] <= 3
    assert set(page["pools"]) == {"own", "TEST_DB", "ANALYTICS_DB", "STAGING_DB"}


async def test_unknown_path_is_404(serve_target, http):
    """There is nothing elsewhere."""
    url = await serve_target()
    async with http.get(f"{url}/elsewhere") as response:
        assert response.status == 404
