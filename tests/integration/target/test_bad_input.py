"""Whatever comes in: the protocol's own error, in its time, with a record where a tool was named, and no traceback."""

import asyncio
import json

import asyncpg
import pytest

LONG = "x" * 30_000


def rpc(method, params):
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()


def query(text, **more):
    return rpc("execute_query", {"query": text, **more})


# What comes in, what goes out (status; code of the error, or words of a result with isError), what is recorded.
CASES = {
    "malformed JSON": (b'{"jsonrpc": "2.0",', 400, -32700, None),
    "not UTF-8": (b'{"jsonrpc": "2.0", "id": 1, "method": "\xff\xfe"}', 400, -32700, None),
    "nested without end": (b"[" * 100_000, 400, -32700, None),
    "an unknown tool": (rpc("no_such", {}), 200, -32601, "unknown_tool"),
    "a tool's name that is no name": (rpc("\ud800\0" + LONG, {}), 400, -32700, None),
    "a wrong argument": (query(1), 200, -32602, "bad_arguments"),
    "a missing argument": (rpc("list_views", {"database": "TEST_DB"}), 200, -32602, "bad_arguments"),
    "an argument too many": (query("SELECT 1", sql="x"), 200, -32602, "bad_arguments"),
    "a number beyond all numbers": (rpc("read_entries", {"after": 2**63}), 200, -32602, "bad_arguments"),
    "NUL in a query": (query("SELECT 1\0; DROP TABLE orders"), 200, -32602, "bad_arguments"),
    "a query that is too long": (query("SELECT '" + LONG + "'"), 200, -32602, "bad_arguments"),
    "a query that writes": (query("DELETE FROM orders"), 200, "DELETE", "refused"),
    "two queries": (query("SELECT 1; DROP TABLE orders"), 200, "one statement", "refused"),
    "a query that cannot be parsed": (query("SELECT ((("), 200, "cannot be parsed", "refused"),
    "nested beyond the parser": (query("SELECT " + "(" * 5000 + "1" + ")" * 5000), 200, "", "refused"),
    "a write in a function": (query("SELECT setval('x', 1)"), 200, "setval", "refused"),
    "a query that runs too long": (query("SELECT pg_sleep(60)"), 200, "statement timeout", "database_error"),
    "a table that is not there": (query("SELECT * FROM nowhere"), 200, "does not exist", "database_error"),
    "what the role may not read": (
        query("SELECT rolpassword FROM pg_catalog.pg_authid"), 200, "permission denied", "database_error",
    ),
    "a time that Python has not": (query("SELECT '24:00'::time"), 200, "cannot be read", "database_error"),
    "a date beyond its calendar": (query("SELECT '20000-01-01'::timestamp"), 200, "Cast it", "database_error"),
    "an unknown database": (rpc("list_views", {"database": "X", "schema": "PUBLIC"}), 200, "TEST_DB", "refused"),
    "an unknown schema": (query("SELECT 1", schema="X"), 200, "PUBLIC", "refused"),
    "SQL in a name": (
        rpc("query_view", {"database": "TEST_DB", "schema": "PUBLIC", "view": 'orders"; DROP TABLE orders; --'}),
        200, "does not exist", "database_error",
    ),
    "SQL in an entry": (rpc("append_entry", {"entry": "'); DROP TABLE entries; --"}), 200, None, "ok"),
}  # fmt: skip


@pytest.fixture
async def asked(serve_target, http, postgres_url, schema, caplog):
    """Ask, and look at the answer, the record and the log."""
    url = await serve_target(statement_timeout_s=0.3)
    connection = await asyncpg.connect(postgres_url)

    async def ask(body):
        async with http.post(f"{url}/mcp/tools/call", data=body) as response:
            return response.status, await response.json()

    async def outcomes(count):
        async with asyncio.timeout(20):
            while (
                len(rows := await connection.fetch(f"SELECT outcome FROM {schema}.executions ORDER BY id"))
                < count
            ):
                await asyncio.sleep(0.01)
        return [row["outcome"] for row in rows]

    yield ask, outcomes
    await connection.close()
    assert [record.getMessage() for record in caplog.get_records("call")] == []


async def test_everything_wrong_is_told_recorded_and_survived(asked):
    """One service, every case in turn; afterwards it serves as before, and no record is missing or too many."""
    ask, outcomes = asked
    wrong = {}
    for name, (body, status, said, _) in CASES.items():
        got_status, answer = await ask(body)
        error, result = answer.get("error"), answer.get("result")
        if isinstance(said, int):
            right = error is not None and error["code"] == said
        else:
            words = result["content"][0]["text"] if result else ""
            right = bool(result) and (result["isError"] is (said is not None)) and (said or "") in words
        if (got_status, right) != (status, True):
            wrong[name] = (got_status, answer)
    assert wrong == {}
    _, answer = await ask(query("SELECT count(*) FROM orders"))
    assert answer["result"]["structuredContent"]["rows"] == [[1000]]

    recorded = [record for *_, record in CASES.values() if record]
    assert await outcomes(len(recorded) + 1) == [*recorded, "ok"]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"mcp-session-id": "f" * 32, "mcp-protocol-version": "2025-11-25"}, rpc("ping", {}), 404),
        ({"mcp-session-id": "\0; DROP", "mcp-protocol-version": "2025-11-25"}, rpc("ping", {}), None),
        ({"mcp-protocol-version": "2025-11-25"}, rpc("tools/list", {}), 400),
        ({}, b"{", 400),
        ({"accept": "text/html"}, rpc("initialize", {}), 406),
        ({"content-type": "text/plain"}, rpc("initialize", {}), 400),
        ({"mcp-protocol-version": "1999-01-01"}, rpc("tools/list", {}), 400),
        ({}, b"x" * (4 * 1024 * 1024 + 1), 413),
        ({"host": "evil.example"}, rpc("ping", {}), 421),
        ({"origin": "http://evil.example"}, rpc("ping", {}), 403),
    ],
)
async def test_the_mcp_door_says_no_as_the_protocol_does(target_url, http, headers, body, status):
    """Unknown sessions, none, foreign names, wrong versions and types, too much."""
    base = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
    try:
        async with http.post(f"{target_url}/mcp", data=body, headers={**base, **headers}) as response:
            got = response.status
            text = await response.text()
    except ValueError:
        got, text = None, ""  # what HTTP itself cannot carry does not leave the client

    assert got == status
    assert "Traceback" not in text
