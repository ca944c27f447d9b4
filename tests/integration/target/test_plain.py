"""/mcp/tools/call: plain JSON-RPC without handshake."""

import asyncio

import pytest


@pytest.fixture
async def post(serve_target, http):
    """POST a body to a fresh target's plain door: status and decoded answer."""
    url = await serve_target()

    async def send(body, method="POST"):
        json_headers = {"content-type": "application/json"}
        call = http.request(method, f"{url}/mcp/tools/call", data=body, headers=json_headers)
        async with call as response:
            return response.status, (await response.json() if await response.read() else None)

    return send


async def test_method_is_the_tool_and_client_id_is_not_an_argument(post):
    """The result has MCP's form, text and structure the same; ids of both kinds come back as they went."""
    for given, back in (("7", 7), ('"seven"', "seven"), ("0", 0)):
        status, answer = await post(
            b'{"jsonrpc":"2.0","id":%s,"method":"execute_query",'
            b'"params":{"query":"SELECT 1 AS one","_client_id":"me"}}' % given.encode()
        )

        assert status == 200
        assert answer == {
            "jsonrpc": "2.0",
            "id": back,
            "result": {
                "content": [{"type": "text", "text": '{"columns":["one"],"rows":[[1]],"row_count":1}'}],
                "structuredContent": {"columns": ["one"], "rows": [[1]], "row_count": 1},
                "isError": False,
            },
        }


async def test_params_may_be_absent(post):
    """A tool without arguments needs no params."""
    status, answer = await post(b'{"jsonrpc":"2.0","id":1,"method":"list_databases"}')

    assert (status, answer["result"]["isError"]) == (200, False)


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        (b"{nonsense", 400, -32700, "Parse error"),
        (b"", 400, -32700, "Parse error"),
        (b"[" * 100_000, 400, -32700, "Parse error"),
        (b"[]", 400, -32600, "one JSON-RPC object"),
        (b'{"id":1,"method":"list_databases"}', 400, -32600, "jsonrpc"),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', 400, -32600, "method"),
        (b'{"jsonrpc":"2.0","method":"list_databases"}', 400, -32600, "needs an id"),
        (b'{"jsonrpc":"2.0","id":true,"method":"list_databases"}', 400, -32600, "needs an id"),
        (b'{"jsonrpc":"2.0","id":1,"method":"nothing"}', 200, -32601, "Unknown tool: nothing"),
        (b'{"jsonrpc":"2.0","id":1,"method":"list_databases","params":[1]}', 200, -32602, "object"),
        (b'{"jsonrpc":"2.0","id":1,"method":"execute_query","params":{}}', 200, -32602, "query is missing"),
        (
            b'{"jsonrpc":"2.0","id":1,"method":"execute_query","params":{"query":"SELECT 1","limit":0}}',
            200,
            -32602,
            "limit must be from 1",
        ),
    ],
)
async def test_what_is_wrong_is_said_in_json_rpc(post, body, status, code, words):
    """Each mistake has its status, its code, and words that help."""
    got_status, answer = await post(body)

    assert (got_status, answer["error"]["code"]) == (status, code)
    assert words in answer["error"]["message"]


async def test_unknown_database_is_a_tool_error(post):
    """What the tool itself refuses is a result with isError, not a protocol error."""
    status, answer = await post(
        b'{"jsonrpc":"2.0","id":1,"method":"list_views","params":{"database":"NO_DB","schema":"PUBLIC"}}'
    )

    assert (status, answer["result"]["isError"]) == (200, True)
    assert "TEST_DB, ANALYTICS_DB, STAGING_DB" in answer["result"]["content"][0]["text"]
    assert "structuredContent" not in answer["result"]


async def test_only_post_and_only_bounded_bodies(post):
    """Other methods and bodies over the limit are refused by status."""
    assert (await post(None, method="GET"))[0] == 405
    assert (await post(b"x" * (4 * 1024 * 1024 + 1)))[0] == 413


async def test_client_that_leaves_in_the_middle_of_its_body(serve_target, http, caplog):
    """Half a body and a closed connection harm nobody, and leave nothing in the log."""
    url = await serve_target()
    host, port = url.removeprefix("http://").split(":")
    for path in ("/mcp/tools/call", "/mcp"):
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 99\r\n"
        writer.write(f"{head}\r\n{{".encode())
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
    async with http.get(f"{url}/health") as response:
        assert response.status == 200

    assert not caplog.records
