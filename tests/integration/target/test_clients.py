"""Registered clients, on a real PostgreSQL and at every door."""

import asyncio
import json

import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from harness.foundation.errors import UsageError
from harness.reference import databases
from harness.reference.caller import ADMIN, BASIC, READ_ONLY
from harness.reference.clients import BadClientError, Clients, ClientsUnreachableError, TakenError
from harness.reference.keys import new_key
from harness.reference.settings import Settings
from tests.integration.target.doors import ACCEPT, INITIALIZE

KEY = new_key()
PLAIN = {"jsonrpc": "2.0", "id": 1, "method": "list_databases"}


def bearer(key):
    return {**ACCEPT, "authorization": f"Bearer {key}"}


@pytest.fixture
async def clients(postgres_url, schema):
    """The table of clients, with a clock that stands still."""
    async with databases.opened(Settings(postgres_url, schema=schema)) as parts:
        yield Clients(parts.own, lambda: 0.0)


@pytest.fixture
async def guarded(serve_target, http):
    """A service that asks for keys, and a way to ask it."""
    url = await serve_target(auth=True, admin_key=KEY)

    async def ask(method, path, key=KEY, body=None, **headers):
        async with http.request(
            method, url + path, json=body, headers={**bearer(key), **headers}
        ) as response:
            content = await response.read()
            return response.status, json.loads(content) if content else None

    return url, ask


async def test_a_key_is_kept_nowhere(clients, schema, sql):
    """What the table knows of a key is a salt and a hash, different for each client."""
    keys = [(await clients.register(name, BASIC))[1] for name in ("a", "b")]
    rows = await sql.fetch(f"SELECT * FROM {schema}.clients")

    assert len({row["salt"] for row in rows}) == len({row["hash"] for row in rows}) == 2
    for key in keys:
        assert not any(key.split("_", 2)[2] in str(tuple(row)) for row in rows)


@pytest.mark.parametrize("permission", [READ_ONLY, BASIC, ADMIN])
async def test_a_registered_client_is_known_by_its_key(clients, schema, sql, permission):
    """The right key is its client with its permission, and leaves a trace of when; other keys are nobody's."""
    client, key = await clients.register("me", permission)
    caller = await clients.caller(key)
    await clients.settle()

    assert (caller.name, caller.permission, caller.client) == ("me", permission, client.id)
    assert client.seen_at is None
    assert (await clients.listed())[0].seen_at is not None
    assert await clients.caller(new_key()) is None
    assert await clients.caller(f"mcp_{client.id}_{new_key().split('_', 2)[2]}") is None
    assert await clients.caller("nonsense") is None


async def test_concurrent_registrations_and_validations_are_all_right(clients):
    """Names at once: each once; the same name at once: one of them; keys at once: each its own client."""
    made = await asyncio.gather(*(clients.register(f"c{number}", BASIC) for number in range(8)))
    same = await asyncio.gather(*(clients.register("same", BASIC) for _ in range(4)), return_exceptions=True)
    callers = await asyncio.gather(*(clients.caller(key) for _ in range(20) for _, key in made))

    assert sorted(type(result).__name__ for result in same) == ["TakenError"] * 3 + ["tuple"]
    assert [caller.client for caller in callers] == [client.id for _ in range(20) for client, _ in made]
    assert len(await clients.listed()) == 9


async def test_what_cannot_be_registered_is_said(clients):
    """No name, too long a name, no such permission, a name that is taken until it is revoked."""
    client, key = await clients.register("me", BASIC)
    for name, permission in (("", BASIC), (" ", BASIC), ("x" * 201, BASIC), ("a\0", BASIC), ("ok", "root")):
        with pytest.raises(BadClientError):
            await clients.register(name, permission)
    with pytest.raises(TakenError, match="'me' is registered"):
        await clients.register("me", BASIC)
    assert await clients.revoke(client.id)
    assert not await clients.revoke(client.id)

    assert await clients.caller(key) is None
    assert await clients.change(client.id, ADMIN) is None
    assert (await clients.register("me", BASIC))[0].id != client.id


async def test_a_change_counts_from_the_next_request(clients):
    """A new permission is not held up by what is remembered."""
    client, key = await clients.register("me", READ_ONLY)
    assert (await clients.caller(key)).permission == READ_ONLY
    assert (await clients.change(client.id, ADMIN)).permission == ADMIN
    assert (await clients.caller(key)).permission == ADMIN
    with pytest.raises(BadClientError):
        await clients.change(client.id, "root")


async def test_a_database_that_is_gone_is_no_verdict_on_a_key(clients, schema, sql):
    """Without its table nobody knows whose key it is: an error, and no refusal that would be remembered."""
    client, key = await clients.register("me", BASIC)
    await sql.execute(f"ALTER TABLE {schema}.clients RENAME TO gone")
    with pytest.raises(ClientsUnreachableError):
        await clients.caller(key)
    await sql.execute(f"ALTER TABLE {schema}.gone RENAME TO clients")

    assert (await clients.caller(key)).client == client.id
    await clients.settle()


async def test_the_first_admin_is_made_once(clients):
    """The first start shows a key that works, the next ones do not; a key that is given works at every start."""
    shown = await clients.first_admin("")
    assert (await clients.caller(shown)).permission == ADMIN
    assert await clients.first_admin("") is None
    for _ in range(2):
        assert await clients.first_admin(KEY) is None
    assert (await clients.caller(KEY)).permission == ADMIN
    await clients.settle()


async def test_every_door_asks_for_a_key(guarded):
    """Unknown clients are turned away, with the challenge that HTTP wants."""
    _url, ask = guarded
    for method, path, body in (
        ("POST", "/mcp", INITIALIZE),
        ("POST", "/mcp/tools/call", PLAIN),
        ("GET", "/status", None),
        ("GET", "/clients", None),
        ("POST", "/clients", {"name": "me"}),
        ("GET", "/elsewhere", None),
    ):
        for key in (KEY[:-1] + ("B" if KEY.endswith("A") else "A"), "nonsense", ""):
            status, answer = await ask(method, path, key, body)
            assert (status, answer["error"]["code"]) == (401, -32001), (path, key)


async def test_a_socket_is_not_opened_without_a_key(guarded):
    """The refusal comes before the WebSocket; with a key it opens."""
    url, _ask = guarded
    address = url.replace("http", "ws") + "/mcp/ws"
    with pytest.raises(InvalidStatus) as refused:
        await connect(address)
    async with connect(address, additional_headers=bearer(KEY)) as socket:
        await socket.send(json.dumps(INITIALIZE))
        answer = json.loads(await socket.recv())

    assert refused.value.response.status_code == 401
    assert refused.value.response.headers["www-authenticate"] == "Bearer"
    assert answer["result"]["serverInfo"]["name"] == "harness-target"


async def test_a_key_opens_every_door(guarded, http):
    """MCP in both eras, plain calls and the pages; and health needs none."""
    url, ask = guarded
    assert (await ask("POST", "/mcp/tools/call", body=PLAIN))[0] == 200
    assert (await ask("GET", "/status"))[0] == 200
    assert (await ask("GET", "/health", ""))[0] == 200
    status, _ = await ask("POST", "/mcp", body=INITIALIZE)
    assert status == 200
    two = {"authorization": f"Basic {KEY}"}
    async with http.get(f"{url}/status", headers=two) as response:
        assert response.status == 401
    async with http.get(f"{url}/status", headers=[("authorization", f"Bearer {KEY}")] * 2) as response:
        assert response.status == 401


async def test_a_session_serves_the_client_that_opened_it(guarded, http):
    """To another client, known as it is, the session is not there."""
    url, ask = guarded
    _, made = await ask("POST", "/clients", body={"name": "other"})
    async with http.post(f"{url}/mcp", json=INITIALIZE, headers=bearer(KEY)) as response:
        session = {"mcp-session-id": response.headers["mcp-session-id"]}
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}

    path = f"/sessions/{session['mcp-session-id']}"

    assert (await ask("POST", "/mcp", made["key"], ping, **session))[0] == 404
    assert (await ask("GET", path, made["key"]))[0] == 404
    assert (await ask("GET", "/sessions", made["key"]))[0] == 403
    assert (await ask("DELETE", "/mcp", made["key"], **session))[0] == 404
    assert (await ask("POST", "/mcp", KEY, ping, **session))[0] == 200
    status, shown = await ask("GET", path)
    assert (status, shown["type"], shown["session"]["requests"]) == (200, "http", 1)
    assert shown["session"]["client"]["metadata"]["userAgent"].startswith("Python")
    assert (await ask("GET", "/sessions"))[1]["clients"] == [
        {"client": "test", "type": "http", "sessions": 1, "requests": 1}
    ]


async def test_clients_are_kept_by_admins_alone(guarded):
    """Registered, shown without its key, changed, revoked; others may do none of it."""
    _url, ask = guarded
    status, made = await ask("POST", "/clients", body={"name": "me", "permission": "read-only"})
    client, key = made["client"], made["key"]
    assert status == 201
    for method, path in (("GET", "/clients"), ("POST", "/clients"), ("DELETE", f"/clients/{client['id']}")):
        status, answer = await ask(method, path, key)
        assert (status, "needs the permission admin" in answer["error"]) == (403, True)
    listed = (await ask("GET", "/clients"))[1]["clients"]
    changed = await ask("PATCH", f"/clients/{client['id']}", body={"permission": "admin"})
    assert (changed[0], changed[1]["client"]["permission"]) == (200, "admin")
    assert (await ask("GET", "/clients", key))[0] == 200
    assert await ask("DELETE", f"/clients/{client['id']}") == (204, None)

    assert [one["name"] for one in listed][1:] == ["me"]
    assert key not in str(listed)
    assert (await ask("GET", "/status", key))[0] == 401
    for method, body in (("DELETE", None), ("PATCH", {"permission": "basic"})):
        assert (await ask(method, f"/clients/{client['id']}", body=body))[0] == 404


async def test_what_is_no_registration_is_said(guarded):
    """In one sentence, with the status that fits."""
    _url, ask = guarded
    for body, status, words in (
        ({}, 400, "name must be text"),
        ({"name": 7}, 400, "name must be text"),
        ({"name": "x", "permission": ["admin"]}, 400, "permission must be text"),
        ({"name": "x", "permission": "root"}, 400, "no permission 'root'"),
        ({"name": ""}, 400, "needs a name"),
        ([1], 400, "one JSON object"),
        ("x" * (4 * 1024 * 1024 + 1), 413, "too large"),
        ({"name": "me"}, 201, None),
        ({"name": "me"}, 409, "is registered"),
    ):
        answer = await ask("POST", "/clients", body=body)
        assert answer[0] == status, answer
        assert words is None or words in answer[1]["error"]


async def test_the_official_client_brings_its_key(guarded):
    """The SDK's client works with a key as it is configured to."""
    url, _ask = guarded
    carrier = create_mcp_http_client(headers={"authorization": f"Bearer {KEY}"})
    async with carrier, Client(streamable_http_client(f"{url}/mcp", http_client=carrier)) as client:
        assert (await client.call_tool("list_databases", {})).structured_content["count"] == 3


async def test_an_unreachable_table_is_503_at_the_door(guarded, schema, sql):
    """Neither let in nor called wrong."""
    _url, ask = guarded
    await sql.execute(f"ALTER TABLE {schema}.clients RENAME TO gone")
    known, pages, unknown = (
        await ask("GET", "/status"),
        await ask("GET", "/clients"),
        await ask("GET", "/status", new_key()),
    )
    await sql.execute(f"ALTER TABLE {schema}.gone RENAME TO clients")

    assert (unknown[0], unknown[1]["error"]["code"]) == (503, -32603)
    assert pages[0] in {200, 503}
    assert known[0] in {200, 503}


async def test_a_key_of_another_secret_ends_the_start(serve_target, clients):
    """An admin's key whose id is taken is a mistake to tell, not to pass over."""
    _client, key = await clients.register("me", BASIC)
    with pytest.raises(UsageError, match="admin key cannot be used"):
        await serve_target(auth=True, admin_key=f"{key[:21]}{new_key()[21:]}")


async def test_the_first_start_shows_an_admin_s_key_once(serve_target, http, capfd):
    """On standard error, and it works; the next start shows none."""
    url = await serve_target(auth=True)
    shown = capfd.readouterr().err
    key = shown.removeprefix("admin key, shown this once: ").strip()
    async with http.get(f"{url}/clients", headers=bearer(key)) as response:
        assert response.status == 200
    await serve_target(auth=True)

    assert "admin key" not in capfd.readouterr().err
