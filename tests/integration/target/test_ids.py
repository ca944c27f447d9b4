"""Identifiers from outside that cannot be one: they are there for nobody, at every door, and no store is asked."""

import json
from urllib.parse import quote

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.integration.target.doors import HANDSHAKE, JSON, Raw, call, modern, opened, rpc

IN_PATHS = ("\0", "a\0b", "é", "\ud83d\ude00", "\x7f", "\n", "a b", "x" * 129, "x" * 60_000)
IN_HEADERS = (b"\xe9", b"\xff\xfe", b"a b", b"x" * 129, b"x" * 60_000)


@pytest.fixture(params=["postgres", "redis"])
async def url(request, serve_target):
    """A target that keeps its sessions there."""
    redis = {"redis_url": request.getfixturevalue("redis_url")} if request.param == "redis" else {}
    return await serve_target(**redis)


async def test_what_cannot_be_an_identifier_is_not_there(url, http, sql, schema, caplog):
    """Sessions, tasks and clients; paths, queries and headers: the 404 of its door, and none is called unavailable."""
    wrong = {}

    def note(where, name, got, right):
        if got != right:
            wrong[where, name] = got

    for name in IN_PATHS:
        part = quote(name, safe="", errors="surrogatepass")
        for method, path, body in (
            ("GET", "/sessions/", {}),
            ("GET", "/tasks/", {}),
            ("PATCH", "/clients/", {"permission": "basic"}),
            ("DELETE", "/clients/", {}),
        ):
            raw = await Raw.sent(url, path + part, JSON, body, method)
            note(path, name, await raw.status(), 404)
            raw.cut()
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"{url.replace('http', 'ws')}/mcp/ws?session={part}")
        # A line beyond what its own parser takes does not come so far.
        note("socket", name, refused.value.response.status_code, 400 if len(name) > 8000 else 404)
    wait = {"kind": "wait", "arguments": {"seconds": 0}}
    for name in IN_HEADERS:
        told = {**HANDSHAKE, "mcp-session-id": name.decode("latin-1")}
        for method, path, body in (
            ("POST", "/mcp", rpc("ping")),
            ("DELETE", "/mcp", {}),
            ("POST", "/tasks", wait),
        ):
            raw = await sent(url, method, path, told, body)
            note(path, name, await raw.status(), 404)
            raw.cut()

    assert wrong == {}
    kinds = await sql.fetch(f"SELECT DISTINCT kind FROM {schema}.refusals")
    assert "unavailable" not in {row["kind"] for row in kinds}
    assert [record.getMessage() for record in caplog.get_records("call")] == []


async def sent(url, method, path, headers, body):
    """Headers as bytes: the helper that writes UTF-8 would not send what is meant."""
    raw = await Raw.sent(url, "/health", {}, b"", "GET")
    await raw.status()
    await raw.reader.readuntil(b"}")
    data = json.dumps(body).encode()
    told = {"host": "127.0.0.1", "content-length": str(len(data)), **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
    raw.writer.write("\r\n".join(lines).encode("latin-1") + data)
    return raw


async def test_a_cursor_that_was_never_given_is_invalid(serve_target, http):
    """-32602, in both eras: there is one page of tools, so no cursor is ours."""
    url = await serve_target()
    session = await opened(http, url)
    for cursor in ("\0", "é", "x" * 10_000, "2"):
        old = {**HANDSHAKE, "mcp-session-id": session}, rpc("tools/list", {"cursor": cursor})
        for headers, body in (old, modern("tools/list", {"cursor": cursor})):
            async with http.post(f"{url}/mcp", json=body, headers=headers) as response:
                assert (await response.json())["error"]["code"] == -32602


async def test_what_is_not_asked_for_reaches_no_store(serve_target, http, sql, schema):
    """A Last-Event-ID, a name of the caller and a progress token may say anything: the call is served as before."""
    url = await serve_target()
    session = await opened(http, url)
    for word in ("\0", "é", "x" * 20_000):
        body = rpc("list_databases", {"_client_id": word})
        async with http.post(f"{url}/mcp/tools/call", json=body) as response:
            assert response.status == 200
        listed = call("list_databases") | {"_meta": {"progressToken": word}}
        told = {**HANDSHAKE, "mcp-session-id": session, "last-event-id": word.replace("\0", "0")}
        async with http.post(f"{url}/mcp", json=rpc("tools/call", listed), headers=told) as response:
            assert response.status == 200
        async with http.get(f"{url}/mcp", headers=told) as response:
            assert response.status == 405
    for key in ("\0", "x" * 201):
        body = rpc("append_entry", {"entry": "e", "key": key})
        async with http.post(f"{url}/mcp/tools/call", json=body) as response:
            assert (await response.json())["error"]["code"] == -32602
