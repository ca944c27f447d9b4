"""Looking before loading: what is there, and whose fault it is when nothing is."""

import json
import socket
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from websockets.frames import Opcode

from harness.client.preflight import preflight
from harness.client.session import connected
from harness.foundation.errors import TargetUnreachableError, UsageError
from harness.mcp import outcome
from harness.mcp.discover import PAGES_MAX
from tests.fakes.mcp_server import mcp_server
from tests.fakes.wire import BY_PATH, Case, Wire, WireServer, wire_server
from tests.fakes.wire_frames import Peer

INFO = {"name": "fake", "version": "2"}


@pytest.fixture(scope="module")
def server() -> Iterator[WireServer]:
    with wire_server() as running:
        yield running


Answers = Callable[[str, dict[str, Any]], Any]


def serve(path: str, answers: Answers) -> None:
    """A server of the handshake at a path: a result a method, None for a 404."""

    def act(wire: Wire) -> None:
        asked = json.loads(wire.body or b"{}")
        if "id" not in asked:
            wire.whole("", "202 Accepted", "")
            return
        result = answers(asked["method"], asked["params"])
        if result is None:
            wire.whole(wire.error(), "404 No")
        else:
            wire.whole(wire.answer(json.dumps(result)), "200 OK", "application/json", "Mcp-Session-Id: s1")

    BY_PATH[path] = Case(path, "", act)


def handshake(tools: Callable[[dict[str, Any]], Any]) -> Answers:
    def answers(method: str, params: dict[str, Any]) -> Any:
        if method == "initialize":
            return {"protocolVersion": "2025-06-18", "serverInfo": INFO, "capabilities": {}}
        return tools(params) if method == "tools/list" else None

    return answers


async def test_pages_of_tools_are_followed(server: WireServer) -> None:
    """Until there is no next cursor."""

    def pages(params: dict[str, Any]) -> dict[str, Any]:
        page = int(params.get("cursor", 0))
        more = {"nextCursor": str(page + 1)} if page < 2 else {}
        return {"tools": [{"name": f"tool{page}"}, "no tool", {"name": 1}], **more}

    serve("/pages", handshake(pages))
    found = await preflight(server.url + "/pages", "auto")

    assert (found.protocol, found.server_name, found.server_version) == ("2025-06-18", "fake", "2")
    assert [tool["name"] for tool in found.tools or []] == ["tool0", "tool1", "tool2"]


async def test_pages_without_end_are_bounded(server: WireServer) -> None:
    """A cursor that never runs out is followed for a while."""
    pages = count()
    serve(
        "/endless", handshake(lambda params: {"tools": [{"name": "again"}], "nextCursor": f"x{next(pages)}"})
    )
    found = await preflight(server.url + "/endless", "auto")

    assert len(found.tools or []) == PAGES_MAX


MANY = [{"name": "again"}] * 6_000


@pytest.mark.parametrize(
    "tools",
    [
        *(None, {}, {"tools": 5}, []),
        {"tools": [], "nextCursor": "the same"},
        {"tools": [], "nextCursor": {"a": 1}},
        {"tools": [*MANY, *MANY]},
        {"tools": [{"name": "x" * 16_000_000}]},
    ],
    ids=["none", "empty", "a number", "a list", "in circles", "no text", "too many", "too large"],
)
async def test_a_server_without_a_list_of_tools_is_wrong_use(server: WireServer, tools: Any) -> None:
    """It speaks, but not what was asked for."""
    serve("/toolless", handshake(lambda params: tools))

    with pytest.raises(UsageError, match="does not speak MCP"):
        await preflight(server.url + "/toolless", "2025-11-25")


@pytest.mark.parametrize("protocol", ["auto", "2026-07-28", "2025-11-25", "plain", "websocket"])
async def test_a_target_that_is_not_there_is_its_own_fault(protocol: str) -> None:
    """What, why, what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        scheme = "ws" if protocol == "websocket" else "http"
        url = f"{scheme}://127.0.0.1:{taken.getsockname()[1]}/mcp"
        with pytest.raises(TargetUnreachableError) as raised:
            await preflight(url, protocol)

    what, why, todo = raised.value.lines()
    assert url in what
    assert "refused" in why
    assert "Start it" in todo


@pytest.mark.parametrize("protocol", ["auto", "2026-07-28", "2025-11-25", "plain", "websocket"])
async def test_a_target_that_hangs_is_not_there_within_the_deadline(
    server: WireServer, protocol: str
) -> None:
    """One exchange is enough to know."""
    url = server.url.replace("http", "ws" if protocol == "websocket" else "http")

    with pytest.raises(TargetUnreachableError, match="timeout"):
        await preflight(url + "/hangs-before", protocol, timeout_s=0.2)


@pytest.mark.parametrize("path", ["/html", "/status-404", "/status-503", "/redirect", "/json"])
@pytest.mark.parametrize("protocol", ["auto", "2026-07-28", "2025-11-25"])
async def test_something_that_is_no_mcp_is_a_wrong_address(
    server: WireServer, protocol: str, path: str
) -> None:
    """With the reply that said so, and what to check."""
    with pytest.raises(UsageError) as raised:
        await preflight(server.url + path, protocol)

    assert "does not speak MCP" in raised.value.what
    assert "--protocol" in raised.value.todo


async def test_something_that_is_no_http_is_a_wrong_port(server: WireServer) -> None:
    """Or https, asked as http."""
    with pytest.raises(UsageError, match="http_protocol"):
        await preflight(server.url + "/garbage", "auto")


@pytest.mark.parametrize(("path", "right"), [("/json", True), ("/rpc-error", True), ("/html", False)])
async def test_plain_wants_any_json_rpc(server: WireServer, path: str, right: bool) -> None:
    """An error is an answer too; nothing is said of tools."""
    if right:
        found = await preflight(server.url + path, "plain")
        assert (found.protocol, found.server_name, found.tools) == ("plain", None, None)
    else:
        with pytest.raises(UsageError):
            await preflight(server.url + path, "plain")


def serve_frames(path: str, results: dict[str, Any]) -> None:
    def act(wire: Wire) -> None:
        peer = Peer(wire)
        peer.accept()
        while (received := peer.receive()).opcode is Opcode.TEXT:
            asked = json.loads(bytes(received.data))
            if "id" in asked:
                peer.send(peer.answer(asked["id"], json.dumps(results.get(asked["method"], {}))))

    BY_PATH[path] = Case(path, "", act)


async def test_a_websocket_introduces_itself_too(server: WireServer) -> None:
    """initialize and tools/list in frames."""
    serve_frames(
        "/ws-server", {"initialize": {"serverInfo": INFO}, "tools/list": {"tools": [{"name": "echo"}]}}
    )
    found = await preflight(server.url.replace("http", "ws") + "/ws-server", "websocket")

    assert (found.protocol, found.server_name, found.tools) == ("websocket", "fake", [{"name": "echo"}])


@pytest.mark.parametrize("path", ["/ws-401", "/ws-rpc-error", "/html"])
async def test_a_websocket_that_refuses_is_a_wrong_address(server: WireServer, path: str) -> None:
    """At the door or in the handshake."""
    with pytest.raises(UsageError):
        await preflight(server.url.replace("http", "ws") + path, "websocket")


@pytest.mark.parametrize(
    "headers", [{"X": "a\r\nb: c"}, {"X": "€"}, {"a b": "c"}, {"": "c"}, {"X": "\x00"}], ids=repr
)
async def test_a_header_that_cannot_be_sent_is_wrong_use(server: WireServer, headers: dict[str, str]) -> None:
    """Before anything is."""
    with pytest.raises(UsageError, match="cannot be sent"):
        await preflight(server.url + "/json", "auto", headers=headers)
    with pytest.raises(UsageError, match="cannot be sent"):
        async with connected(server.url + "/json", headers=headers):
            pass


async def test_an_open_session_calls_and_is_closed(server: WireServer) -> None:
    """The dialect found or given; over HTTP and in frames."""
    opening = handshake(lambda params: {"tools": []})
    serve("/open", lambda method, params: opening(method, params) or {"content": []})
    for protocol in ("auto", "2025-11-25", "plain"):
        async with connected(server.url + "/open", protocol) as client:
            called = await client.call("echo", {"message": "hi"})
            other = await client.request("resources/read", {"uri": "x://y"})
        assert (called.outcome, other.outcome) == (outcome.OK, outcome.OK)
        assert server.heads[-1].startswith(b"POST" if protocol == "plain" else b"DELETE")
    serve_frames("/ws-server", {"initialize": {"serverInfo": INFO}, "tools/call": {"content": []}})
    async with connected(server.url.replace("http", "ws") + "/ws-server", "websocket") as client:
        assert (await client.call("echo", {})).outcome == outcome.OK


@pytest.mark.parametrize("protocol", ["auto", "2025-11-25", "websocket"])
async def test_a_session_that_cannot_be_opened_is_an_error(server: WireServer, protocol: str) -> None:
    """Whoever asks for one is told whose fault it is."""
    url = server.url.replace("http", "ws") if protocol == "websocket" else server.url
    with pytest.raises(UsageError):
        async with connected(url + "/html", protocol):
            pass


async def test_a_tool_of_2026_07_28_that_breaks_the_rules_of_headers_is_left_out(server: WireServer) -> None:
    """With the reason; what the others want in headers is known; older versions know no such rule."""
    schemas = [{"properties": {"a": {"type": kind, "x-mcp-header": "A"}}} for kind in ("string", "number")]
    tools = [
        {"name": name, "inputSchema": schema} for name, schema in zip(("good", "bad"), schemas, strict=True)
    ]

    def answers(method: str, params: dict[str, Any]) -> Any:
        del params
        versions = {"supportedVersions": ["2026-07-28"], "protocolVersion": "2025-11-25"}
        return {"tools": tools} if method == "tools/list" else versions

    serve("/headers", answers)
    found = await preflight(server.url + "/headers", "auto")
    older = await preflight(server.url + "/headers", "2025-11-25")

    assert [tool["name"] for tool in found.tools or []] == ["good"]
    assert found.mirrored == {"good": {"A": ["a"]}}
    assert "on number" in found.refused["bad"]
    assert [tool["name"] for tool in older.tools or []] == ["good", "bad"]
    assert (older.mirrored, older.refused) == ({}, {})


async def test_a_streamable_server_that_is_asked_for_sse_is_called_what_it_is() -> None:
    """What the search would have found is said, with the way out."""
    async with mcp_server() as url:
        with pytest.raises(UsageError) as raised:
            await preflight(url, "sse", timeout_s=20.0)

    assert "does not speak HTTP+SSE" in raised.value.what
    assert "2026-07-28 over Streamable HTTP" in raised.value.why
    assert "Leave out --protocol sse" in raised.value.todo
