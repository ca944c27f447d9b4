"""/mcp: the official SDK's client in both eras, and what the protocol says on sessions."""

import asyncpg
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from harness.reference.tools import TOOLS
from tests.integration.target.doors import ACCEPT, INITIALIZE, PING


@pytest.mark.parametrize("sse", [False, True], ids=["json", "sse"])
@pytest.mark.parametrize(
    ("mode", "version"), [("auto", "2026-07-28"), ("2026-07-28", "2026-07-28"), ("legacy", "2025-11-25")]
)
async def test_official_client_calls_every_tool(serve_target, mode, version, sse):
    """The SDK's own client lists and calls the tools, in either era, with JSON and with event streams."""
    url = await serve_target(json_response=not sse)
    async with Client(f"{url}/mcp", mode=mode) as client:
        listed = await client.list_tools()
        databases = await client.call_tool("list_databases", {})
        views = await client.call_tool("list_views", {"database": "TEST_DB", "schema": "REPORTING"})
        one = await client.call_tool("execute_query", {"query": "SELECT 1 as test_column", "limit": 10})
        refused = await client.call_tool("execute_query", {"query": "DROP TABLE orders"})
        wrong = await client.call_tool("list_views", {"database": "TEST_DB"})
        with pytest.raises(MCPError, match="Unknown tool: nothing"):
            await client.call_tool("nothing", {})

        assert client.protocol_version == version
    assert [tool.name for tool in listed.tools] == list(TOOLS)
    assert databases.structured_content["count"] == 3
    assert views.structured_content["count"] == 3
    assert one.structured_content == {"columns": ["test_column"], "rows": [[1]], "row_count": 1}
    assert (refused.is_error, wrong.is_error) == (True, True)
    assert wrong.content[0].text == "schema is missing."


async def open_session(http, url):
    async with http.post(f"{url}/mcp", json=INITIALIZE, headers=ACCEPT) as response:
        assert response.status == 200
        return response.headers["mcp-session-id"]


async def post(http, url, body, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with http.post(f"{url}/mcp", json=body, headers={**ACCEPT, **named}) as response:
        return response.status, (await response.json() if await response.read() else None)


async def test_session_from_opening_to_closing(serve_target, http):
    """initialize opens a session, requests use it, DELETE closes it, and then it is gone for good."""
    url = await serve_target()
    session = await open_session(http, url)
    initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}

    assert await post(http, url, initialized, mcp_session_id=session) == (202, None)
    assert await post(http, url, PING, mcp_session_id=session) == (
        200,
        {"jsonrpc": "2.0", "id": 5, "result": {}},
    )
    for expected in (200, 404):
        async with http.delete(f"{url}/mcp", headers={"mcp-session-id": session}) as response:
            assert response.status == expected
    status, answer = await post(http, url, PING, mcp_session_id=session)
    assert (status, answer["error"]["message"]) == (404, "Session not found")


async def test_unknown_session_is_404(serve_target, http):
    """A session that nobody opened is not found."""
    url = await serve_target()

    assert (await post(http, url, PING, mcp_session_id="nobody"))[0] == 404


async def test_expired_session_is_404(serve_target, http, postgres_url, schema):
    """A session whose time is over is not found, though its row is there."""
    url = await serve_target()
    session = await open_session(http, url)
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"UPDATE {schema}.sessions SET expires_at = now() - interval '1 second'")
    await connection.close()

    assert (await post(http, url, PING, mcp_session_id=session))[0] == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (PING, 400, -32600),
        ({"jsonrpc": "2.0", "method": "notifications/initialized"}, 400, -32600),
        ([PING], 400, -32602),
        ("text", 400, -32602),
        ({**INITIALIZE, "params": {}}, None, -32602),
        ({**INITIALIZE, "params": {**INITIALIZE["params"], "clientInfo": {"name": 7}}}, None, -32602),
        ({**INITIALIZE, "params": {**INITIALIZE["params"], "clientInfo": "me"}}, None, -32602),
    ],
    ids=["request", "notification", "batch", "text", "no params", "bad name", "no info"],
)
async def test_what_opens_no_session(serve_target, http, postgres_url, schema, body, status, code):
    """Without a session only a valid initialize is served, and nothing else leaves a row."""
    url = await serve_target()
    async with http.post(f"{url}/mcp", json=body, headers=ACCEPT) as response:
        answer = await response.json()

        assert status in {None, response.status}
        assert "mcp-session-id" not in response.headers
    assert answer["error"]["code"] == code
    connection = await asyncpg.connect(postgres_url)
    assert await connection.fetchval(f"SELECT count(*) FROM {schema}.sessions") == 0
    await connection.close()


async def test_malformed_json_is_400(serve_target, http):
    """What is not JSON at all is a parse error."""
    url = await serve_target()
    headers = {**ACCEPT, "content-type": "application/json"}
    async with http.post(f"{url}/mcp", data=b"{nonsense", headers=headers) as response:
        assert response.status == 400
        assert (await response.json())["error"]["code"] == -32700


async def test_too_large_a_body_is_413(serve_target, http):
    """A body over the limit is refused without a session."""
    url = await serve_target()
    async with http.post(f"{url}/mcp", data=b"x" * (4 * 1024 * 1024 + 1), headers=ACCEPT) as response:
        assert response.status == 413


async def test_get_and_bare_delete_are_refused(serve_target, http):
    """There is no stream to GET, and a DELETE must say which session."""
    url = await serve_target()
    async with http.get(f"{url}/mcp", headers=ACCEPT) as response:
        assert (response.status, response.headers["allow"]) == (405, "POST, DELETE")
    async with http.delete(f"{url}/mcp") as response:
        assert response.status == 400


async def test_foreign_host_is_refused(serve_target, http):
    """A target on loopback answers to loopback's names and to those it was told, no others."""
    url = await serve_target(allowed_hosts=("target.test",))
    for host, status in (("evil.test", 421), ("target.test", 200), ("localhost:1", 200)):
        async with http.post(f"{url}/mcp", json=INITIALIZE, headers={**ACCEPT, "host": host}) as response:
            assert response.status == status, host


async def test_modern_era_has_no_sessions(serve_target, http, postgres_url, schema):
    """The 2026 era is served without a session, even to a client that names one."""
    url = await serve_target()
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
    headers = {"mcp_protocol_version": "2026-07-28", "mcp_method": "tools/list", "mcp_session_id": "nobody"}

    assert (await post(http, url, body, **headers))[0] == 200
    connection = await asyncpg.connect(postgres_url)
    assert await connection.fetchval(f"SELECT count(*) FROM {schema}.sessions") == 0
    await connection.close()


async def test_session_row_knows_its_client_and_requests(serve_target, http, postgres_url, schema):
    """The row says who opened the session and how many requests it made."""
    url = await serve_target()
    session = await open_session(http, url)
    for _ in range(3):
        await post(http, url, PING, mcp_session_id=session)
    connection = await asyncpg.connect(postgres_url)
    row = await connection.fetchrow(f"SELECT * FROM {schema}.sessions WHERE id = $1", session)
    await connection.close()

    assert (row["client"], row["client_version"], row["protocol"], row["requests"]) == (
        "test",
        "1",
        "2025-11-25",
        3,
    )
    assert row["expires_at"] > row["seen_at"] > row["opened_at"]


async def test_schema_is_dropped_in_one_statement(serve_target, http, postgres_url, schema):
    """All that the service keeps is in its schema: without it calls say the store is gone, nothing else breaks."""
    url = await serve_target()
    session = await open_session(http, url)
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"DROP SCHEMA {schema} CASCADE")
    await connection.close()

    status, answer = await post(http, url, PING, mcp_session_id=session)
    assert (status, answer["error"]["code"]) == (503, -32603)
    async with http.get(f"{url}/health") as response:
        assert response.status == 503
    async with http.get(f"{url}/status") as response:
        assert (await response.json())["sessions"] == {"open": None}
