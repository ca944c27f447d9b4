"""Limits and turns at every door of a real service: by statuses and counts."""

import asyncio
import json

import aiohttp
import pytest
from websockets.asyncio.client import connect

from harness.reference.keys import new_key
from tests.integration.target.doors import HELLO

SLOW = "SELECT pg_sleep(0.03)"


def request(name="list_databases", request_id=1, **params):
    return {"jsonrpc": "2.0", "id": request_id, "method": name, "params": params}


@pytest.fixture
def plain(http):
    """Call a tool at the plain door; status, headers and body of the answer."""

    async def call(url, name="list_databases", **params):
        async with http.post(f"{url}/mcp/tools/call", json=request(name, **params)) as response:
            return response.status, response.headers, await response.json()

    return call


@pytest.fixture
def modern(http):
    """List the tools at /mcp, with or without a session; the status and the headers."""

    async def call(url, **extra):
        headers = {"accept": "application/json, text/event-stream", **extra}
        params = {"_meta": {"io.modelcontextprotocol/clientCapabilities": {}}}
        if "mcp-session-id" not in extra:
            headers |= {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list"}
            params["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2026-07-28"
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params}
        async with http.post(f"{url}/mcp", json=body, headers=headers) as response:
            return response.status, response.headers

    return call


async def test_a_rate_is_kept_for_each_address_whatever_it_calls_itself(serve_target, plain, modern, http):
    """Without keys: other names, sessions and sockets of one address share its rate; 429 with the call's id."""
    url = await serve_target(rate_limit=0.01)
    first = await plain(url, _client_id="a")
    second = await plain(url, _client_id="b")
    mcp = [await modern(url)]
    mcp += [
        await modern(url, **{"mcp-session-id": name, "mcp-protocol-version": "2025-11-25"}) for name in "ab"
    ]
    forwarded = await http.post(
        f"{url}/mcp/tools/call", json=request(), headers={"x-forwarded-for": "10.0.0.1"}
    )
    task = await http.post(f"{url}/tasks", json={"kind": "wait", "arguments": {"seconds": 0}})
    answers = []
    for _ in range(2):
        async with connect(url.replace("http", "ws") + "/mcp/ws") as socket:
            await socket.send(json.dumps({**request(request_id=7), "method": "initialize", "params": HELLO}))
            answers.append(json.loads(await socket.recv()))
    elsewhere = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
    async with (
        aiohttp.ClientSession(connector=elsewhere) as other,
        other.post(f"{url}/mcp/tools/call", json=request()) as response,
    ):
        other_address = response.status

    assert (first[0], second[0], forwarded.status, task.status, other_address) == (200, 429, 429, 429, 200)
    assert 1 <= int(second[1]["retry-after"]) <= 100
    assert (second[2]["id"], second[2]["error"]["code"]) == (1, -32005)
    assert [status for status, _ in mcp] == [429] * 3
    assert "retry-after" in mcp[0][1]
    assert [(answer["id"], answer["error"]["code"]) for answer in answers] == [(7, -32005)] * 2


async def test_a_rate_is_kept_for_each_key(serve_target, http):
    """With keys: each client has its own rate, wherever it comes from and in whatever session."""
    url = await serve_target(rate_limit=0.01, auth=True, admin_key=(key := new_key()))
    keys = [key]
    for name in ("one", "two"):
        told = {"authorization": f"Bearer {key}"}
        async with http.post(f"{url}/clients", json={"name": name}, headers=told) as response:
            keys.append((await response.json())["key"])
    statuses = []
    for key in keys * 2:
        told = {"authorization": f"Bearer {key}"}
        async with http.post(f"{url}/mcp/tools/call", json=request(), headers=told) as response:
            statuses.append(response.status)

    assert statuses == [200] * 3 + [429] * 3


@pytest.mark.parametrize(
    ("trusted", "statuses"),
    [((), [200, 429, 429]), (("127.0.0.0/8",), [200, 200, 429]), (("10.9.9.9",), [200, 429, 429])],
)
async def test_a_proxy_is_believed_only_when_it_is_trusted(serve_target, http, trusted, statuses):
    """X-Forwarded-For says who asks if --trust-proxy names who says it; anybody else may say what it likes."""
    url = await serve_target(rate_limit=0.01, trusted_proxies=trusted)
    got = []
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1"):
        told = {"x-forwarded-for": address}
        async with http.post(f"{url}/mcp/tools/call", json=request(), headers=told) as response:
            got.append(response.status)

    assert got == statuses


async def test_work_in_flight_is_bounded_over_all_doors(serve_target, plain, http, modern):
    """503 and Retry-After while it is full, also for others; afterwards there is room, and nothing is left."""
    url = await serve_target(max_in_flight=2)
    slow = [asyncio.create_task(plain(url, "execute_query", query="SELECT pg_sleep(0.5)")) for _ in range(2)]
    async with asyncio.timeout(20):
        while (await (await http.get(f"{url}/status")).json())["in_flight"] < 2:
            await asyncio.sleep(0.005)
    status, headers, body = await plain(url)
    at_mcp = await modern(url)
    health = await http.get(f"{url}/health")
    assert [(await call)[0] for call in slow] == [200, 200]

    assert (status, headers["retry-after"], body["error"]["code"]) == (503, "1", -32006)
    assert (at_mcp[0], health.status) == (503, 200)
    assert (await plain(url))[0] == 200
    page = await (await http.get(f"{url}/status")).json()
    assert (page["in_flight"], page["refused"]) == (0, {"rate": 0, "in_flight": 2})


async def test_calls_of_a_socket_that_goes_are_not_in_flight_for_ever(serve_target, http):
    """Their places come back when the connection is gone and PostgreSQL is done with them."""
    url = await serve_target(statement_timeout_s=1)
    async with connect(url.replace("http", "ws") + "/mcp/ws") as socket:
        await socket.send(json.dumps({**request(), "method": "initialize", "params": HELLO}))
        await socket.recv()
        call = {"name": "execute_query", "arguments": {"query": "SELECT pg_sleep(9)"}}
        await socket.send(json.dumps({**request(request_id=2), "method": "tools/call", "params": call}))
        async with asyncio.timeout(20):
            while (await (await http.get(f"{url}/status")).json())["in_flight"] != 1:
                await asyncio.sleep(0.005)
    async with asyncio.timeout(20):
        while (await (await http.get(f"{url}/status")).json())["in_flight"]:
            await asyncio.sleep(0.005)


async def test_fifty_calls_of_one_client_do_not_starve_another(serve_target, plain):
    """While fifty wait, another client's call passes them: counted in answers, not in time."""
    url = await serve_target(pool_max=2)
    answered = 0

    async def heavy():
        nonlocal answered
        await plain(url, "execute_query", query=SLOW, _client_id="heavy")
        answered += 1

    waiting = [asyncio.create_task(heavy()) for _ in range(50)]
    while answered < 2:  # the pool is at work, and the rest of them wait
        await asyncio.sleep(0)
    passed = []
    for _ in range(3):
        before = answered
        status, _, body = await plain(url, "execute_query", query=SLOW, _client_id="light")
        passed.append(answered - before)
        assert (status, body["result"]["isError"]) == (200, False)
    assert answered < 50
    await asyncio.gather(*waiting)

    # Two are running when it comes, one may go first, and one or two end beside it; first come, first served
    # would be some forty.
    assert max(passed) <= 8
