"""The way of a call on a real PostgreSQL: every call is recorded once, and a write with its effect."""

import asyncio
import json
import signal
from contextlib import asynccontextmanager

import aiohttp
import asyncpg
import pytest
from websockets.asyncio.client import connect

from harness.reference import databases
from harness.reference.admission import Admission
from harness.reference.caller import READ_ONLY, Caller, acting
from harness.reference.executions import Executions
from harness.reference.pipeline import Pipeline
from harness.reference.settings import Settings
from harness.reference.tools import Tool
from tests.integration.target.doors import HELLO

ROWS = "SELECT door, tool, outcome, database, error, duration_us FROM {}.executions ORDER BY id"


@pytest.fixture
async def opened(postgres_url, schema):
    """A pipeline on a schema of its own, with what records for it."""
    async with databases.opened(Settings(postgres_url, schema=schema)) as parts:
        recorder = Executions(parts.own)
        async with recorder.running():
            yield Pipeline(parts, recorder), recorder


@pytest.fixture
def pipeline(opened):
    """The pipeline alone."""
    return opened[0]


async def recorded(sql, schema, count):
    """The rows, once there are so many."""
    async with asyncio.timeout(20):
        while len(rows := await sql.fetch(ROWS.format(schema))) < count:
            await asyncio.sleep(0.01)
    return [dict(row) for row in rows]


CALLS = [
    ("list_databases", {}, "ok", None),
    ("list_views", {"database": "TEST_DB", "schema": "PUBLIC"}, "ok", None),
    ("no_such_tool\0", {}, "unknown_tool", "Unknown tool: no_such_tool"),
    ("execute_query", {}, "bad_arguments", "query is missing."),
    ("execute_query", {"query": "DROP TABLE x"}, "refused", "Only queries that read are run; this is DROP."),
    ("execute_query", {"query": "SELECT 1 / 0"}, "database_error", "The database refused: division by zero"),
    ("append_entry", {"entry": "one"}, "ok", None),
]


async def test_every_call_has_one_row_with_its_outcome(pipeline, sql, schema):
    """Right or wrong, reading or writing, with the error in words."""
    outcomes = [await pipeline.execute("plain", name, arguments) for name, arguments, _, _ in CALLS]
    rows = await recorded(sql, schema, len(CALLS))

    assert [(row["outcome"], row["error"]) for row in rows] == [(kind, error) for _, _, kind, error in CALLS]
    assert [outcome.kind for outcome in outcomes] == [kind for _, _, kind, _ in CALLS]
    assert [row["database"] for row in rows[:2]] == [None, "TEST_DB"]
    assert all(row["duration_us"] >= 0 for row in rows)


async def test_the_caller_must_be_allowed(pipeline, sql, schema):
    """Whoever may only read cannot append: told, recorded, and not done."""
    with acting(Caller(name="reader", permission=READ_ONLY)):
        refused = await pipeline.execute("plain", "append_entry", {"entry": "x"})
        allowed = await pipeline.execute("plain", "read_entries", {})

    assert (refused.kind, refused.is_error) == ("forbidden", True)
    assert "needs the permission basic" in refused.text
    assert allowed.value["entries"] == []


async def test_each_door_is_named_in_its_records(serve_target, http, sql, schema):
    """Plain, MCP and WebSocket calls are told apart, also after the service has stopped."""
    url = await serve_target()
    call = {"name": "list_databases", "arguments": {}}
    async with http.post(
        f"{url}/mcp/tools/call", json={"jsonrpc": "2.0", "id": 1, "method": "list_databases"}
    ) as response:
        assert response.status == 200
    envelope = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    headers = {
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": "list_databases",
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {**call, "_meta": envelope}}
    async with http.post(f"{url}/mcp", json=body, headers=headers) as response:
        assert response.status == 200
    async with connect(url.replace("http", "ws") + "/mcp/ws", subprotocols=["mcp"]) as socket:
        for method, params in (("initialize", HELLO), ("tools/call", call)):
            await socket.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
            assert "result" in json.loads(await socket.recv())

    assert [row["door"] for row in await recorded(sql, schema, 3)] == ["plain", "mcp", "websocket"]


@asynccontextmanager
async def held_up(sql, schema, table):
    """Whoever writes to the table waits."""
    async with sql.transaction():
        await sql.execute(f"LOCK {schema}.{table} IN SHARE MODE")
        yield


async def waiting_for_the_lock(url, schema):
    other = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(20):
            blocked = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = $1::regclass"
            while not await other.fetchval(blocked, f"{schema}.entries"):
                await asyncio.sleep(0.005)
    finally:
        await other.close()


async def test_a_write_is_carried_through_when_its_client_leaves(pipeline, sql, schema, postgres_url):
    """The entry and its record are there, once, though nobody heard of it."""
    async with held_up(sql, schema, "entries"):
        call = asyncio.create_task(pipeline.execute("mcp", "append_entry", {"entry": "mine"}))
        await waiting_for_the_lock(postgres_url, schema)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    await pipeline.settle()

    assert [tuple(row) for row in await sql.fetch(f"SELECT entry FROM {schema}.entries")] == [("mine",)]
    assert [row["outcome"] for row in await recorded(sql, schema, 1)] == ["ok"]


async def running(sql, mark):
    async with asyncio.timeout(20):
        while not await sql.fetchval(
            "SELECT 1 FROM pg_stat_activity WHERE query ILIKE $1 AND state = 'active'", f"SELECT {mark}%"
        ):
            await asyncio.sleep(0.005)


async def test_a_call_whose_client_left_is_in_flight_until_it_ends(opened, sql, schema, postgres_url):
    """The bound on work in flight is not evaded by hanging up; nor does anything stay when all is done."""
    parts = opened[0]._databases
    admission = Admission(0, 0)
    pipeline = Pipeline(parts, opened[1], admission=admission)
    for name, arguments in (("execute_query", {"query": "SELECT 1"}), ("append_entry", {"entry": "mine"})):
        async with held_up(sql, schema, "entries"):
            call = asyncio.create_task(pipeline.execute("mcp", name, arguments))
            await asyncio.sleep(0)  # it has begun
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            assert admission.in_flight == 1
        if pipeline._carried:  # else it ended while the lock was being given back
            await asyncio.wait(pipeline._carried)
    await asyncio.sleep(0)

    assert admission.in_flight == 0
    assert {row["outcome"] for row in await recorded(sql, schema, 2)} == {"ok"}


async def test_at_the_end_reads_are_stopped_and_writes_are_not(pipeline, sql, schema, postgres_url):
    """Nobody waits for a read any more; an entry must be there or not, and its record must know."""
    read = asyncio.create_task(pipeline.execute("mcp", "execute_query", {"query": "SELECT pg_sleep(18)"}))
    await running(sql, "pg_sleep(18)")
    async with held_up(sql, schema, "entries"):
        write = asyncio.create_task(pipeline.execute("mcp", "append_entry", {"entry": "mine"}))
        await waiting_for_the_lock(postgres_url, schema)
        ending = asyncio.create_task(pipeline.settle())
        await asyncio.wait([read])
    await ending

    assert read.cancelled()
    assert not (await write).is_error
    rows = await recorded(sql, schema, 2)
    assert {(row["outcome"], row["error"]) for row in rows} == {
        ("cancelled", "The service stopped."),
        ("ok", None),
    }
    assert not (await pipeline.execute("mcp", "execute_query", {"query": "SELECT 1"})).is_error


async def test_a_fault_of_the_service_is_an_outcome_too(opened, sql, schema, caplog):
    """A tool that raises what nobody thought of: told as such, recorded, and in the log where it came from."""
    parts, recorder = opened[0]._databases, opened[1]

    async def faulty(_databases):
        raise KeyError("nobody thought of it")

    outcome = await Pipeline(parts, recorder, {"faulty": Tool("", faulty)}).execute("plain", "faulty", {})

    assert (outcome.kind, outcome.is_error) == ("failed", True)
    assert "a fault of the service" in outcome.text
    assert "nobody thought of it" in caplog.text
    assert [row["outcome"] for row in await recorded(sql, schema, 1)] == ["failed"]


@pytest.mark.parametrize(("spare", "kind"), [(0, "ok"), (-1, "too_large")])
async def test_a_result_has_a_bound_in_bytes(opened, spare, kind):
    """As JSON, to the byte; one that is beyond it is told as an error that says what to do."""

    async def made(_databases):
        return {"letters": "é" * 1000}

    size = len('{"letters":""}') + 2000
    pipeline = Pipeline(
        opened[0]._databases, opened[1], {"made": Tool("", made)}, result_bytes_max=size + spare
    )
    outcome = await pipeline.execute("plain", "made", {})

    assert outcome.kind == kind
    assert outcome.is_error == (
        outcome.text.startswith("The result has more than 2,013 bytes: ask for fewer rows")
    )


async def test_an_entry_and_its_record_are_there_together_or_not_at_all(pipeline, sql, schema):
    """When the record cannot be written the entry is not, and the caller is told."""
    await sql.execute(f"ALTER TABLE {schema}.executions RENAME TO gone")
    failed = await pipeline.execute("plain", "append_entry", {"entry": "lost"})
    await sql.execute(f"ALTER TABLE {schema}.gone RENAME TO executions")

    assert failed.kind == "database_error"
    assert await sql.fetchval(f"SELECT count(*) FROM {schema}.entries") == 0
    assert [row["outcome"] for row in await recorded(sql, schema, 1)] == ["database_error"]


async def test_a_key_makes_repeating_harmless(pipeline, sql, schema):
    """Twenty at once with one key: one entry, and everybody is told where it is. Without a key: twenty."""
    same = [pipeline.execute("plain", "append_entry", {"entry": "a", "key": "k"}) for _ in range(20)]
    answers = [outcome.value for outcome in await asyncio.gather(*same)]
    other = [pipeline.execute("plain", "append_entry", {"entry": "b"}) for _ in range(20)]
    await asyncio.gather(*other)
    elsewhere = await pipeline.execute("plain", "append_entry", {"entry": "c", "key": "k", "log": "other"})

    assert len({answer["position"] for answer in answers}) == 1
    assert sorted(answer["repeated"] for answer in answers) == [False] + [True] * 19
    assert await sql.fetchval(f"SELECT count(*) FROM {schema}.entries WHERE entry = 'b'") == 20
    assert not elsewhere.value["repeated"]
    assert len(await recorded(sql, schema, 41)) == 41


async def test_a_log_is_read_page_by_page(pipeline):
    """Every entry once, in order, until `next` says that there is no more; other logs are not mixed in."""
    for number in range(7):
        await pipeline.execute("plain", "append_entry", {"entry": str(number), "log": "mine"})
        await pipeline.execute("plain", "append_entry", {"entry": "x", "log": "theirs"})
    seen, after = [], 0
    for _ in range(4):
        page = (
            await pipeline.execute("plain", "read_entries", {"log": "mine", "after": after, "limit": 3})
        ).value
        seen += [entry["entry"] for entry in page["entries"]]
        if (after := page["next"]) is None:
            break

    assert seen == [str(number) for number in range(7)]
    assert after is None


async def test_a_record_sent_again_is_the_same_record(opened, sql, schema):
    """A row whose arrival is unknown is sent again; it is there once, and as it was first."""
    pipeline, recorder = opened
    await pipeline.execute("plain", "append_entry", {"entry": "a"})
    execution = recorder.begin("plain", "append_entry")
    execution.id = await sql.fetchval(f"SELECT id FROM {schema}.executions")
    recorder.end(execution, "unreachable", "the answer was lost")
    await recorder.journal.write()

    assert [row["outcome"] for row in await recorded(sql, schema, 1)] == ["ok"]


async def test_records_wait_while_they_cannot_be_written(opened, sql, schema):
    """They are pending, and written when the table is there again; nothing is counted as lost."""
    pipeline, recorder = opened
    await sql.execute(f"ALTER TABLE {schema}.executions RENAME TO gone")
    await pipeline.execute("plain", "list_databases", {})
    with pytest.raises(asyncpg.UndefinedTableError):
        await recorder.journal.write()
    assert recorder.statistics() == {"written": 0, "pending": 1, "lost": 0}
    await sql.execute(f"ALTER TABLE {schema}.gone RENAME TO executions")

    assert len(await recorded(sql, schema, 1)) == 1


async def test_what_cannot_wait_is_counted_as_lost(opened, monkeypatch):
    """Waiting is bounded, and the bound is not silent."""
    _, recorder = opened
    monkeypatch.setattr("harness.reference.journal.PENDING_MAX", 2)
    for _ in range(5):
        recorder.end(recorder.begin("plain", "list_databases"), "ok")

    assert recorder.statistics()["lost"] == 3


async def test_old_records_are_deleted_and_no_others(opened, sql, schema, monkeypatch):
    """By their age, however many there are."""
    pipeline, recorder = opened
    monkeypatch.setattr("harness.reference.journal.FORGOTTEN_AT_ONCE", 2)
    for _ in range(5):
        await pipeline.execute("plain", "list_databases", {})
    await pipeline.execute("plain", "append_entry", {"entry": "a"})
    await recorded(sql, schema, 6)
    await sql.execute(
        f"UPDATE {schema}.executions SET started_at = now() - interval '2 hours' WHERE tool = 'list_databases'"
    )

    assert await recorder.journal.forget_before(3600) == 5
    assert [row["tool"] for row in await recorded(sql, schema, 1)] == ["append_entry"]


async def test_whatever_kills_the_service_no_acknowledged_entry_is_lost_or_doubled(
    start_target, http, schema, sql
):
    """kill -9 while twenty clients append: each acknowledged entry is there once, with its record."""
    acknowledged = []

    async def client(url, number):
        for turn in range(1000):
            entry = f"{number}-{turn}"
            body = {"jsonrpc": "2.0", "id": 1, "method": "append_entry", "params": {"entry": entry}}
            try:
                async with http.post(f"{url}/mcp/tools/call", json=body) as response:
                    assert not (await response.json())["result"]["isError"]
            except aiohttp.ClientError:
                return
            acknowledged.append(entry)

    with start_target(schema=schema) as target:
        clients = [asyncio.create_task(client(target.url, number)) for number in range(20)]
        async with asyncio.timeout(30):
            while len(acknowledged) < 200:
                await asyncio.sleep(0.001)
        target.process.send_signal(signal.SIGKILL)
        await asyncio.gather(*clients)
    entries = [row["entry"] for row in await sql.fetch(f"SELECT entry FROM {schema}.entries")]

    assert len(entries) == len(set(entries))
    assert set(acknowledged) <= set(entries)
    unrecorded = f"SELECT count(*) FROM {schema}.entries LEFT JOIN {schema}.executions x ON x.id = execution"
    assert await sql.fetchval(f"{unrecorded} WHERE x.outcome IS DISTINCT FROM 'ok'") == 0
