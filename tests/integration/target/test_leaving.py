"""Clients that leave in the middle of a call, at every door: the call goes on, and its record says how it ended."""

import asyncio
import contextlib
import logging

import asyncpg
import pytest
from websockets.exceptions import ConnectionClosed

from tests.integration.target.doors import Raw, Talk, call, request_of, rpc

HTTP_DOORS = ("plain", "handshake whole", "handshake stream", "modern whole", "modern stream")
DOORS = (*HTTP_DOORS, "websocket")


@pytest.fixture
async def sql(postgres_url):
    """Connections to look behind the service's back."""
    async with asyncpg.create_pool(postgres_url, min_size=1, max_size=4) as several:
        yield several


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Whoever leaves is no fault of the service."""
    yield
    faults = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert [record.getMessage() for record in faults] == []


async def until(sql, expected, query, *args):
    async with asyncio.timeout(60):
        while (got := await sql.fetchval(query, *args)) != expected:
            await asyncio.sleep(0.01)
    return got


def running(mark):
    return f"SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%{mark}%' AND pid <> pg_backend_pid()"


async def left(door, http, url, sql, text, mark):
    """Ask at this door, wait until PostgreSQL is at it, and go."""
    if door == "websocket":
        client = await Talk.begun(url)
        await client.say(rpc("tools/call", call("execute_query", query=text)))
    else:
        client = await Raw.sent(url, *await request_of(door, http, url, text))
    await until(sql, 1, running(mark))
    client.cut()


async def in_flight(http, url, expected):
    async with asyncio.timeout(60):
        while True:
            async with http.get(f"{url}/status") as response:
                if (await response.json())["in_flight"] == expected:
                    return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("json_response", [True, False], ids=["json", "sse"])
async def test_a_read_whose_client_leaves_is_carried_through(serve_target, http, sql, schema, json_response):
    """At each door: as it would have ended, well or at its time limit, and nothing stays in flight."""
    url = await serve_target(statement_timeout_s=1.5, json_response=json_response)
    asked = [(door, f"{schema}_{number}", 0.7) for number, door in enumerate(DOORS)]
    asked += [(door, f"{schema}_9{number}", 50) for number, door in enumerate(DOORS)]
    for part in (asked[:6], asked[6:]):
        await asyncio.gather(
            *(
                left(door, http, url, sql, f"SELECT pg_sleep({long}) AS {mark}", mark)
                for door, mark, long in part
            )
        )
    await until(sql, 12, f"SELECT count(*) FROM {schema}.executions")
    await in_flight(http, url, 0)

    rows = await sql.fetch(f"SELECT door, outcome, error, count(*) FROM {schema}.executions GROUP BY 1, 2, 3")
    late = "The database refused: canceling statement due to statement timeout"
    assert {tuple(row) for row in rows} == {
        (door, outcome, error, count)
        for door, count in (("plain", 1), ("mcp", 4), ("websocket", 1))
        for outcome, error in (("ok", None), ("database_error", late))
    }


async def test_progress_that_nobody_hears_ends_nothing(serve_target, http, sql, schema):
    """A call that reports as it goes is carried through like any other."""
    url = await serve_target()
    params = {**call("wait", milliseconds=400), "_meta": {"progressToken": "p"}}
    talk = await Talk.begun(url)
    await talk.say(rpc("tools/call", params))
    await talk.socket.recv()  # it is at work
    talk.cut()
    await until(sql, "ok", f"SELECT outcome FROM {schema}.executions")


async def test_a_client_that_says_so_stops_its_call(serve_target, http, sql, schema):
    """notifications/cancelled on a WebSocket: stopped in PostgreSQL, recorded as cancelled, nothing in flight."""
    url = await serve_target(statement_timeout_s=60)
    talk = await Talk.begun(url)
    await talk.say(rpc("tools/call", call("execute_query", query=f"SELECT pg_sleep(50) AS {schema}"), 7))
    await until(sql, 1, running(schema))
    for params in ({}, {"requestId": 99}, {"requestId": [7]}, {"requestId": 7}):
        await talk.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params})
    await until(sql, 0, running(schema))
    await in_flight(http, url, 0)
    pong = await talk.ask("ping", None, 8)
    await until(sql, 1, f"SELECT count(*) FROM {schema}.executions")
    await talk.socket.close()

    assert (pong["result"], talk.seen) == ({}, [])
    row = await sql.fetchrow(f"SELECT outcome, error FROM {schema}.executions")
    assert tuple(row) == ("cancelled", "The client cancelled it.")


async def test_answers_to_a_socket_that_is_gone_are_no_fault(serve_target, http, sql, schema):
    """Those that are ready only after it was cut, or closed for a frame, are dropped; the service answers others."""
    url = await serve_target()
    talks = [await Talk.begun(url) for _ in range(20)]
    for number, talk in enumerate(talks):
        for request_id in range(1, 11):
            await talk.say(rpc("tools/call", call("list_databases"), request_id))
            await talk.say("[]")
        if number % 5:
            talk.cut()
        else:
            with contextlib.suppress(ConnectionClosed):
                await talk.say("x" * (4 * 1024 * 1024 + 1))
    await in_flight(http, url, 0)
    async with http.get(f"{url}/health") as response:
        assert response.status == 200


async def test_the_end_of_the_service_stops_what_nobody_waits_for(start_target, http, sql, schema):
    """SIGTERM does not wait for a read whose client left, and the record says why it ended."""
    with start_target("--statement-timeout", "60", "--drain", "1", schema=schema) as target:
        await left("plain", http, target.url, sql, f"SELECT pg_sleep(50) AS {schema}", schema)
        await left("websocket", http, target.url, sql, f"SELECT pg_sleep(50) AS x{schema}", f"x{schema}")
        target.process.terminate()
        code = await asyncio.to_thread(target.process.wait, 60)
    rows = await sql.fetch(f"SELECT outcome, error FROM {schema}.executions")

    assert code == 0
    assert [tuple(row) for row in rows] == [("cancelled", "The service stopped.")] * 2
