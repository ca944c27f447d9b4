"""The life of a service: parts that fail and come back, and an end in which nothing that was accepted is lost."""

import asyncio
import json
import signal
from urllib.parse import urlsplit

import asyncpg
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.integration.target.doors import HELLO


def request(method, request_id=1, **params):
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}


def call(request_id, query):
    return request("tools/call", request_id, name="execute_query", arguments={"query": query})


async def in_flight(http, url, count):
    """Return when so many calls have been accepted and are not answered."""
    async with asyncio.timeout(20):
        while (await (await http.get(f"{url}/status")).json())["in_flight"] != count:
            await asyncio.sleep(0.005)


async def test_at_the_end_everything_accepted_is_answered(start_target, http, schema, postgres_url):
    """SIGTERM with calls running, calls waiting for a connection, and calls on a WebSocket: all get their answers."""
    slow = "SELECT 'at the end', pg_sleep(1)"
    with start_target("--pool-max", "3", "--drain", "20", schema=schema) as target:
        async with connect(target.url.replace("http", "ws") + "/mcp/ws") as socket:
            await socket.send(json.dumps(request("initialize", 0, **HELLO)))
            await socket.recv()
            for number in range(4):
                await socket.send(json.dumps(call(number, slow)))
            await in_flight(http, target.url, 4)

            async def plain(entry):
                body = request("append_entry", entry=entry) if entry else request("execute_query", query=slow)
                async with http.post(f"{target.url}/mcp/tools/call", json=body) as response:
                    return (await response.json())["result"]["isError"]

            assert [await plain(str(number)) for number in range(4)] == [False] * 4
            calls = [asyncio.create_task(plain("")) for _ in range(4)]
            await in_flight(http, target.url, 8)
            target.process.send_signal(signal.SIGTERM)
            answers = [json.loads(await socket.recv()) for _ in range(4)]
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
        assert await asyncio.gather(*calls) == [False] * 4
        assert target.process.wait(timeout=60) == 0

    assert sorted(answer["id"] for answer in answers) == [0, 1, 2, 3]
    assert all("result" in answer for answer in answers)
    assert closed.value.rcvd.code == 1012
    connection = await asyncpg.connect(postgres_url)
    assert await connection.fetchval(f"SELECT count(*) FROM {schema}.executions WHERE outcome = 'ok'") == 12
    assert await connection.fetchval(f"SELECT count(*) FROM {schema}.entries") == 4
    await connection.close()


async def test_a_part_that_fails_degrades_the_service_and_does_not_stop_it(serve_target, http, redis_url):
    """Redis behind a relay that goes away: health says degraded and which part, tools still work; then it heals."""
    where = urlsplit(redis_url)
    broken = False

    async def pipe(reader, writer):
        try:
            while data := await reader.read(65536):
                if broken:
                    break
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def serve(reader, writer):
        if broken:
            writer.close()
            return
        back = await asyncio.open_connection(where.hostname, where.port)
        await asyncio.gather(pipe(reader, back[1]), pipe(back[0], writer))

    relay = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = relay.sockets[0].getsockname()[1]
    url = await serve_target(redis_url=redis_url.replace(f":{where.port}", f":{port}"), health_timeout_s=1)

    async def health():
        async with http.get(f"{url}/health") as response:
            return response.status, await response.json()

    async def until(status):
        async with asyncio.timeout(20):
            while (answer := await health())[1]["status"] != status:
                await asyncio.sleep(0.01)
        return answer

    assert (await health())[1] == {
        "status": "healthy",
        "checks": {"database": "ok", "sessions": "ok", "queue": "ok"},
    }
    broken = True
    code, page = await until("degraded")
    assert (code, page["checks"]["database"]) == (200, "ok")
    assert page["checks"]["sessions"] != "ok"
    body = request("list_databases")
    async with http.post(f"{url}/mcp/tools/call", json=body) as response:
        assert (await response.json())["result"]["isError"] is False
    broken = False
    await until("healthy")
    relay.close()


async def test_every_request_has_its_own_context_under_concurrency(serve_target, http):
    """Three hundred requests on three connections a database, some of them failing: each sees what it asked for."""
    url = await serve_target(pool_max=3)
    wanted = [
        (database, schema)
        for database in ("TEST_DB", "ANALYTICS_DB", "STAGING_DB")
        for schema in ("PUBLIC", "STAGING", "REPORTING")
    ] * 33

    async def ask(number, database, schema):
        name, params = (
            "get_context",
            {"database": database, "schema": schema, "_client_id": f"c{number % 40}"},
        )
        if number % 5 == 0:
            name, params = "execute_query", {**params, "query": "SELECT 1 / 0"}
        async with http.post(f"{url}/mcp/tools/call", json=request(name, number, **params)) as response:
            answer = await response.json()
        return answer["result"]

    results = await asyncio.gather(*(ask(number, *context) for number, context in enumerate(wanted)))

    for number, (result, (database, schema)) in enumerate(zip(results, wanted, strict=True)):
        assert result["isError"] == (number % 5 == 0)
        if not result["isError"]:
            seen = result["structuredContent"]
            assert (seen["database"], seen["schema"]) == (database, schema)
            assert (seen["client"], seen["role"]) == (f"name:c{number % 40}", "harness_target_reader")
            assert seen["read_only"] is True
