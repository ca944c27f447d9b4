"""Broken on purpose: what is wrong can be seen, and without the deviation it is right."""

import asyncio
import signal
from pathlib import Path

import aio_pika
import aiohttp
import asyncpg
import pytest

from harness.foundation.errors import UsageError
from harness.reference.broken import BREAKS
from harness.reference.keys import new_key
from harness.reference.serve import serving
from harness.reference.settings import Settings
from tests.integration.target.doors import ACCEPT, INITIALIZE, PING


@pytest.fixture
async def sql(postgres_url, schema):
    """A connection to look behind the back of the service; it drops the schema."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    await connection.close()


@pytest.fixture(params=[True, False], ids=["broken", "sound"])
def is_broken(request):
    """Each story is told of both."""
    return request.param


async def open_session(http, url):
    async with http.post(f"{url}/mcp", json=INITIALIZE, headers=ACCEPT) as response:
        return response.headers["mcp-session-id"]


async def status_of(http, url, session):
    async with http.post(f"{url}/mcp", json=PING, headers={**ACCEPT, "mcp-session-id": session}) as response:
        return response.status


async def call(http, url, tool, **arguments):
    body = {"jsonrpc": "2.0", "id": 1, "method": tool, "params": arguments}
    async with http.post(f"{url}/mcp/tools/call", json=body) as response:
        return (await response.json())["result"]["structuredContent"]


def broken(is_broken, name):
    return (name,) if is_broken else ()


async def test_sessions_in_memory_end_with_the_process(postgres_url, schema, sql, http, is_broken):
    """They do all that sessions do, and after a restart they are gone."""
    settings = Settings(postgres_url, port=0, schema=schema, broken=broken(is_broken, "sessions-in-memory"))
    async with serving(settings) as url:
        session, other = await open_session(http, url), await open_session(http, url)
        assert await status_of(http, url, session) == 200
        assert await status_of(http, url, "nobody") == 404
        async with http.get(f"{url}/sessions") as response:
            page = await response.json()
        assert (page["open"], page["total"], page["requests"]) == (2, 2, 1)
        async with http.delete(f"{url}/mcp", headers={"mcp-session-id": other}) as response:
            assert response.status == 200
        async with http.delete(f"{url}/mcp", headers={"mcp-session-id": other}) as response:
            assert response.status == 404
        assert await status_of(http, url, other) == 404
    async with serving(settings) as url:
        assert await status_of(http, url, session) == (404 if is_broken else 200)


async def test_sessions_in_memory_expire_and_are_swept(postgres_url, schema, sql, http):
    """In that they are right."""
    ttl = {"session_ttl_s": 0.001, "session_sweep_s": 0.01}
    settings = Settings(postgres_url, port=0, schema=schema, broken=("sessions-in-memory",), **ttl)
    async with serving(settings) as url:
        session = await open_session(http, url)
        async with asyncio.timeout(20):
            while await status_of(http, url, session) != 404:
                await asyncio.sleep(0.01)
            while True:
                async with http.get(f"{url}/sessions") as response:
                    if (await response.json())["total"] == 0:
                        break


async def test_what_is_acknowledged_before_the_commit_is_lost_with_the_process(
    start_target, schema, sql, is_broken
):
    """Acknowledged, killed, and gone."""
    flags = ["--break", "ack-before-commit"] if is_broken else []
    async with aiohttp.ClientSession() as http:
        with start_target(*flags, schema=schema) as target:
            answer = await call(http, target.url, "append_entry", entry="mine", log="l")
            target.process.send_signal(signal.SIGKILL)
            target.process.wait()

    assert answer["entry"] == "mine"
    assert await sql.fetchval(f"SELECT count(*) FROM {schema}.entries") == (0 if is_broken else 1)


async def test_a_late_commit_comes_and_its_errors_are_told(serve_target, http, schema, sql):
    """When nothing happens, nothing is lost; what cannot be appended is an error at once."""
    url = await serve_target(broken=("ack-before-commit",))
    await call(http, url, "append_entry", entry="mine", log="l")
    await sql.execute(f"ALTER TABLE {schema}.executions RENAME TO gone")
    body = {"jsonrpc": "2.0", "id": 1, "method": "append_entry", "params": {"entry": "x", "log": "l"}}
    async with http.post(f"{url}/mcp/tools/call", json=body) as response:
        assert (await response.json())["result"]["isError"]
    await sql.execute(f"ALTER TABLE {schema}.gone RENAME TO executions")
    async with asyncio.timeout(20):
        while await sql.fetchval(f"SELECT count(*) FROM {schema}.entries") != 1:
            await asyncio.sleep(0.02)


async def test_a_leaky_context_is_that_of_another_request(serve_target, http, is_broken):
    """Alone each request reads its schema; of many at once some read another's."""
    url = await serve_target(broken=broken(is_broken, "leaky-context"))
    schemas = ["PUBLIC", "STAGING", "REPORTING"] * 20
    one = await call(http, url, "get_context", database="TEST_DB", schema="STAGING")
    pages = await asyncio.gather(
        *(call(http, url, "get_context", database="TEST_DB", schema=schema) for schema in schemas)
    )
    wrong = [page for page, schema in zip(pages, schemas, strict=True) if page["schema"] != schema]

    assert one["schema"] == "STAGING"
    assert bool(wrong) == is_broken


async def test_an_open_door_lets_strangers_in(serve_target, http, is_broken):
    """Any key will do, even to see the clients; the right one works in any case."""
    key = new_key()
    url = await serve_target(auth=True, admin_key=key, broken=broken(is_broken, "open-door"))
    statuses = []
    for given in (key, "nonsense"):
        async with http.get(f"{url}/clients", headers={"authorization": f"Bearer {given}"}) as response:
            statuses.append(response.status)

    assert statuses == [200, 200 if is_broken else 401]


async def test_a_greedy_cleanup_takes_sessions_that_are_merely_idle(
    serve_target, http, schema, sql, is_broken
):
    """With most of its time left the session is gone; the sound clean-up takes the expired one only."""
    url = await serve_target(session_sweep_s=0.02, broken=broken(is_broken, "greedy-cleanup"))
    idle, expired = await open_session(http, url), await open_session(http, url)
    await sql.execute(f"UPDATE {schema}.sessions SET seen_at = now() - interval '1 minute'")
    await sql.execute(f"UPDATE {schema}.sessions SET expires_at = now() WHERE id = $1", expired)
    async with asyncio.timeout(20):
        while await sql.fetchval(f"SELECT count(*) FROM {schema}.sessions WHERE id = $1", expired):
            await asyncio.sleep(0.01)

    assert await status_of(http, url, idle) == (404 if is_broken else 200)


async def test_without_durability_tables_and_queue_are_for_the_moment(
    serve_target, schema, sql, amqp_url, is_broken
):
    """PostgreSQL empties unlogged tables after a crash; RabbitMQ forgets a queue that is not durable."""
    await serve_target(amqp_url=amqp_url, broken=broken(is_broken, "no-durability"))
    kinds = await sql.fetch(
        "SELECT DISTINCT relpersistence FROM pg_class WHERE relkind = 'r' AND relnamespace = $1::regnamespace"
        " AND relname IN ('sessions', 'entries', 'tasks')",
        schema,
    )
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        async with asyncio.timeout(20):
            while True:  # until the worker has declared it
                try:
                    await channel.declare_queue(f"{schema}.tasks", passive=True)
                    break
                except aio_pika.exceptions.ChannelNotFoundEntity:
                    channel = await connection.channel()
        await (await connection.channel()).declare_queue(f"{schema}.tasks", durable=not is_broken)
        with pytest.raises(aio_pika.exceptions.ChannelPreconditionFailed):
            await (await connection.channel()).declare_queue(f"{schema}.tasks", durable=is_broken)
        await (await connection.channel()).queue_delete(f"{schema}.tasks")

    assert [row["relpersistence"] for row in kinds] == [b"u" if is_broken else b"p"]


async def test_a_slow_leak_grows_with_every_request(start_target, schema, sql, is_broken):
    """Half a thousand requests leave 50 MB behind, and nothing else is different."""
    flags = ["--break", "slow-leak"] if is_broken else []
    async with aiohttp.ClientSession() as http:
        with start_target(*flags, schema=schema) as target:
            for number in range(510):
                if number == 10:
                    before_kb = resident_kb(target.process.pid)
                async with http.get(f"{target.url}/clients/nobody") as response:
                    assert response.status == 405
            grown_mb = (resident_kb(target.process.pid) - before_kb) / 1024

    assert (grown_mb > 40) == is_broken, grown_mb


def resident_kb(pid):
    line = next(
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")
    )
    return int(line.split()[1])


def test_deviations_are_known_by_name():
    """What there is not, and what would break nothing, is refused; each has words."""
    with pytest.raises(UsageError, match="has no defect nonsense"):
        Settings("postgresql://x", broken=("nonsense",))
    with pytest.raises(UsageError, match="does not break sessions in Redis"):
        Settings("postgresql://x", broken=("greedy-cleanup",), redis_url="redis://x")
    assert all(about[0].islower() for about in BREAKS.values())
