"""Whatever is wrong with a request: the protocol's own error, and a record of it, at every door."""

import asyncio
import json
from dataclasses import dataclass

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from harness.reference.keys import new_key
from tests.integration.target.doors import HANDSHAKE, JSON, Raw, Talk, call, modern, opened, rpc

KEY = new_key()
BEARER = {"authorization": f"Bearer {KEY}"}
TOO_MUCH = 4 * 1024 * 1024 + 1


@dataclass
class Asked:
    """A service with keys, and how to ask it."""

    url: str
    http: object
    session: str
    closed: str
    expired: str
    foreign: str

    async def post(self, path, body, headers=None, **more):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        told = {**JSON, **BEARER, **(headers or {}), **more}
        async with self.http.post(self.url + path, data=data, headers=told) as response:
            text = await response.read()
            return response.status, _code(text)

    async def in_session(self, body, session=None):
        return await self.post("/mcp", body, {**HANDSHAKE, "mcp-session-id": session or self.session})

    async def frame(self, frame):
        talk = await Talk.begun(self.url, additional_headers=BEARER)
        try:
            await talk.say(frame)
            answer = json.loads(await talk.socket.recv())
        except ConnectionClosed as closed:
            return closed.rcvd.code, None
        finally:
            await talk.socket.close()
        return None, answer["error"]["code"]

    async def socket(self, **headers):
        with pytest.raises(InvalidStatus) as refused:
            await connect(self.url.replace("http", "ws") + "/mcp/ws", additional_headers=headers)
        return refused.value.response.status_code, _code(refused.value.response.body)


def _code(text):
    try:
        return json.loads(text)["error"]["code"]
    except (ValueError, KeyError, TypeError):
        return None


def query(text, **more):
    return rpc("execute_query", {"query": text, **more})


def in_mcp(**arguments):
    return modern("tools/call", call("execute_query", **arguments))


PLAIN = "/mcp/tools/call"
# How it is asked; status and code of the answer; door, and kind of the refusal or outcome of the execution.
REFUSED = {
    "malformed JSON, plain": (lambda a: a.post(PLAIN, b"{"), 400, -32700, "plain", "malformed"),
    "malformed JSON, handshake": (lambda a: a.in_session(b"{"), 400, -32700, "mcp", "malformed"),
    "malformed JSON, modern": (lambda a: a.post("/mcp", b"{", modern("ping", {})[0]), 400, -32700, "mcp", "malformed"),
    "malformed JSON, tasks": (lambda a: a.post("/tasks", b"{"), 400, None, "tasks", "invalid_request"),
    "malformed JSON, websocket": (lambda a: a.frame("{"), None, -32700, "websocket", "malformed"),
    "no JSON-RPC, plain": (lambda a: a.post(PLAIN, []), 400, -32600, "plain", "invalid_request"),
    "no JSON-RPC, websocket": (lambda a: a.frame("[]"), None, -32600, "websocket", "invalid_request"),
    "an unknown method, handshake": (lambda a: a.in_session(rpc("no/such")), 200, -32601, "mcp", "unknown_method"),
    "an unknown method, modern": (lambda a: a.post("/mcp", *modern("no/such", {})[::-1]), 404, -32601, "mcp", "unknown_method"),
    "an unknown method, websocket": (lambda a: a.frame(rpc("no/such")), None, -32601, "websocket", "unknown_method"),
    "arguments of a method, handshake": (lambda a: a.in_session(rpc("tools/call", {"name": 7})), 200, -32602, "mcp", "invalid_params"),
    "arguments of a method, websocket": (lambda a: a.frame(rpc("tools/call", {"name": 7})), None, -32602, "websocket", "invalid_params"),
    "no header of the method": (lambda a: a.post("/mcp", rpc("tools/list", modern("x", {})[1]["params"]), {"mcp-protocol-version": "2026-07-28"}), 400, -32020, "mcp", "invalid_request"),
    "an unknown version": (lambda a: a.post("/mcp", rpc("ping"), {"mcp-protocol-version": "1999-01-01"}), 400, -32602, "mcp", "invalid_params"),
    "an oversized body, plain": (lambda a: a.post(PLAIN, b"x" * TOO_MUCH), 413, -32600, "plain", "too_large"),
    "an oversized body, mcp": (lambda a: a.post("/mcp", b"x" * TOO_MUCH), 413, -32600, "mcp", "too_large"),
    "an oversized frame": (lambda a: a.frame("x" * TOO_MUCH), 1009, None, "websocket", "too_large"),
    "an unknown session": (lambda a: a.in_session(rpc("ping"), "nobody"), 404, -32600, "mcp", "no_session"),
    "an expired session": (lambda a: a.in_session(rpc("ping"), a.expired), 404, -32600, "mcp", "no_session"),
    "a closed session": (lambda a: a.in_session(rpc("ping"), a.closed), 404, -32600, "mcp", "no_session"),
    "a foreign session": (lambda a: a.in_session(rpc("ping"), a.foreign), 404, -32600, "mcp", "no_session"),
    "a foreign session, websocket": (lambda a: a.socket(**BEARER, **{"mcp-session-id": a.foreign}), 404, -32600, "websocket", "no_session"),
    "no session": (lambda a: a.post("/mcp", rpc("ping")), 400, -32600, "mcp", "invalid_request"),
    "a wrong key, plain": (lambda a: a.post(PLAIN, query("SELECT 1"), authorization=f"Bearer {new_key()}"), 401, -32001, "plain", "wrong_key"),
    "no key, mcp": (lambda a: a.post("/mcp", rpc("ping"), authorization="Basic x"), 401, -32001, "mcp", "wrong_key"),
    "no key, websocket": (lambda a: a.socket(), 401, -32001, "websocket", "wrong_key"),
    "no key, pages": (lambda a: a.post("/clients", {}, authorization="x"), 401, -32001, "pages", "wrong_key"),
    "a foreign name": (lambda a: a.post(PLAIN, query("SELECT 1"), host="evil.example"), 421, None, "plain", "invalid_request"),
    "a foreign origin": (lambda a: a.post(PLAIN, query("SELECT 1"), origin="http://evil.example"), 403, None, "plain", "forbidden"),
    "an unknown page": (lambda a: a.post("/elsewhere", {}), 404, None, "pages", "not_found"),
}  # fmt: skip
EXECUTED = {
    "an unknown tool, plain": (lambda a: a.post(PLAIN, rpc("nothing")), 200, -32601, "plain", "unknown_tool"),
    "an unknown tool, handshake": (lambda a: a.in_session(rpc("tools/call", call("nothing"))), 200, -32602, "mcp", "unknown_tool"),
    "an unknown tool, modern": (lambda a: a.post("/mcp", *modern("tools/call", call("nothing"))[::-1]), 400, -32602, "mcp", "unknown_tool"),
    "an unknown tool, websocket": (lambda a: a.frame(rpc("tools/call", call("nothing"))), None, -32602, "websocket", "unknown_tool"),
    "wrong arguments, plain": (lambda a: a.post(PLAIN, query(1)), 200, -32602, "plain", "bad_arguments"),
    "wrong arguments, mcp": (lambda a: a.post("/mcp", *in_mcp(query=1)[::-1]), 200, None, "mcp", "bad_arguments"),
    "SQL that writes": (lambda a: a.post("/mcp", *in_mcp(query="DROP TABLE x")[::-1]), 200, None, "mcp", "refused"),
    "SQL that runs too long": (lambda a: a.post(PLAIN, query("SELECT pg_sleep(60)")), 200, None, "plain", "database_error"),
    "an unknown database": (lambda a: a.post(PLAIN, query("SELECT 1", database="X")), 200, None, "plain", "refused"),
    "too large a result": (lambda a: a.post(PLAIN, query("SELECT repeat('x', 300000)")), 200, None, "plain", "too_large"),
}  # fmt: skip


@pytest.fixture
async def asked(serve_target, http, sql, schema):
    """A service with keys; sessions that are open, closed, expired and another client's."""
    url = await serve_target(auth=True, admin_key=KEY, statement_timeout_s=0.5, result_bytes_max=200_000)
    async with http.post(f"{url}/clients", json={"name": "other"}, headers=BEARER) as response:
        other = {"authorization": f"Bearer {(await response.json())['key']}"}
    mine = [await opened(http, url, **BEARER) for _ in range(3)]
    async with http.delete(f"{url}/mcp", headers={**BEARER, "mcp-session-id": mine[1]}) as response:
        assert response.status == 200
    await sql.execute(
        f"UPDATE {schema}.sessions SET expires_at = now() - interval '1 s' WHERE id = $1", mine[2]
    )
    return Asked(url, http, *mine, await opened(http, url, **other))


async def rows(sql, schema, table, count):
    """Of this table, once what they tell of is so much."""
    what = "sum(count)" if table == "refusals" else "count(*)"
    async with asyncio.timeout(60):
        while ((await sql.fetchval(f"SELECT {what} FROM {schema}.{table}")) or 0) < count:
            await asyncio.sleep(0.02)
    return await sql.fetch(f"SELECT * FROM {schema}.{table} ORDER BY id")


async def test_every_kind_of_bad_input_has_its_error_and_a_record(asked, sql, schema, caplog):
    """One service, all of them in turn, and not one record too many; afterwards it serves as before."""
    cases = {**REFUSED, **EXECUTED}
    wrong = {}
    for name, (ask, status, code, *_) in cases.items():
        if (got := await ask(asked)) != (status, code):
            wrong[name] = got
    assert wrong == {}
    assert await asked.post(PLAIN, query("SELECT 1")) == (200, None)

    refused = await rows(sql, schema, "refusals", len(REFUSED))
    executed = await rows(sql, schema, "executions", len(EXECUTED) + 1)
    told = [(row["door"], row["kind"]) for row in refused for _ in range(row["count"])]
    assert sorted(told) == sorted((door, kind) for *_, door, kind in REFUSED.values())
    assert sorted((row["door"], row["outcome"]) for row in executed) == sorted(
        [*((door, kind) for *_, door, kind in EXECUTED.values()), ("plain", "ok")]
    )
    assert all(row["words"] for row in refused)
    assert {row["session"] for row in refused} >= {"nobody"}
    assert not any(row["client"].startswith("name:") for row in refused)
    assert [record.getMessage() for record in caplog.records] == []


async def test_a_flood_is_counted_and_not_a_storm_of_writes(serve_target, http, sql, schema):
    """Two thousand refusals by limits are a few rows, whose counts are exact; /status and /metrics agree."""
    url = await serve_target(rate_limit=0.001)
    body = rpc("list_databases")
    statuses = []

    async def caller(number):
        for _ in range(100):
            told = {**body, "params": {"_client_id": f"c{number}"}}
            async with http.post(f"{url}/mcp/tools/call", json=told) as response:
                statuses.append(response.status)

    await asyncio.gather(*(caller(number) for number in range(20)))
    refused = await rows(sql, schema, "refusals", statuses.count(429))
    async with http.get(f"{url}/status") as response:
        page = await response.json()
    async with http.get(f"{url}/metrics") as response:
        metrics = await response.text()

    assert (statuses.count(200), statuses.count(429)) == (1, 1999)
    assert sum(row["count"] for row in refused) == 1999
    assert len(refused) < 400  # one a second; a machine that stands still makes more seconds
    assert {(row["client"], row["kind"], row["status"], row["code"]) for row in refused} == {
        ("address:127.0.0.1", "rate_limited", 429, -32005)
    }
    assert page["refusals"]["kinds"] == {"plain: rate_limited": 1999}
    assert 'harness_target_refusals_total{door="plain",kind="rate_limited"} 1999' in metrics


async def test_full_is_recorded_at_each_door(serve_target, http, sql, schema):
    """503 by the bound on work in flight: plain, MCP, WebSocket."""
    url = await serve_target(max_in_flight=1, statement_timeout_s=60)
    talk = await Talk.begun(url)
    slow = await Raw.sent(url, PLAIN, JSON, query(f"SELECT pg_sleep(55) AS {schema}"))
    running = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query ILIKE 'SELECT pg_sleep(55)%'"
    async with asyncio.timeout(60):
        while not await sql.fetchval(running):
            await asyncio.sleep(0.01)
    answers = []
    for path, headers, body in ((PLAIN, JSON, query("SELECT 1")), ("/mcp", *modern("tools/list", {}))):
        async with http.post(url + path, json=body, headers=headers) as response:
            answers.append((response.status, (await response.json())["error"]["code"]))
    answers.append((await talk.ask("tools/list", {}, 2))["error"]["code"])
    refused = await rows(sql, schema, "refusals", 3)
    await sql.execute(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'SELECT pg_sleep(55)%'"
    )
    assert await slow.status() == 200
    slow.cut()
    await talk.socket.close()

    assert answers == [(503, -32006), (503, -32006), -32006]
    assert sorted((row["door"], row["kind"], row["count"]) for row in refused) == [
        (door, "overloaded", 1) for door in ("mcp", "plain", "websocket")
    ]


async def test_half_a_body_is_not_waited_for_for_ever(serve_target, monkeypatch, sql, schema):
    """408 when the rest of it does not come, at every door and whatever the method, and a record of each."""
    monkeypatch.setattr("harness.reference.doors.wire.BODY_S", 0.1)
    url = await serve_target()
    new = {"mcp-protocol-version": "2026-07-28"}
    asked = [(PLAIN, {}, "POST"), ("/mcp", {}, "POST"), ("/mcp", new, "POST"), ("/mcp", new, "GET")]
    asked += [("/tasks", {}, "POST"), ("/clients", {}, "POST")]
    halves = [
        await Raw.sent(url, path, {**JSON, **headers, "content-length": "100"}, b'{"half":', method)
        for path, headers, method in asked
    ]
    statuses = [await half.status() for half in halves]
    for half in halves:
        half.cut()

    assert statuses == [408] * len(asked)
    assert {row["kind"] for row in await rows(sql, schema, "refusals", len(asked))} == {"too_slow"}


async def test_blanks_around_a_header_are_no_part_of_it(serve_target, http):
    """As HTTP means them (RFC 9110, 5.5): session, host and the modern era's names, before and behind."""
    url = await serve_target()
    session = await opened(http, url)
    headers, body = modern("tools/call", call("list_databases"))
    told = [
        ("/mcp", {name: f" \t{value} \t" for name, value in headers.items()}, body),
        ("/mcp", {**HANDSHAKE, "mcp-session-id": f"{session} "}, rpc("ping")),
        (PLAIN, {**JSON, "host": "localhost "}, query("SELECT 1")),
    ]
    statuses = []
    for path, with_blanks, message in told:
        raw = await Raw.sent(url, path, with_blanks, message)
        statuses.append(await raw.status())
        raw.cut()

    assert statuses == [200, 200, 200]
