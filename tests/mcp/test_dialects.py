"""What each dialect puts on the wire, and what it makes of the answers: generators driven by hand."""

import json
from collections.abc import Generator
from typing import Any, get_args

import msgspec
import pytest

from harness.mcp import outcome
from harness.mcp.dialects import DIALECTS, new_session
from harness.mcp.dialects.handshake import HANDSHAKE_VERSIONS
from harness.mcp.dialects.modern import header_value
from harness.mcp.messages import Reply, Request
from harness.mcp.traits import Traits
from harness.scenario.model import Protocol

BOTH = "application/json, text/event-stream"
GET_TOOLS = ("tools/list", {})


def ok(result: Any, session_id: str | None = None) -> Reply:
    return Reply(
        outcome.OK, status=200, result=msgspec.Raw(json.dumps(result).encode()), session_id=session_id
    )


def drive(sequence: Generator[Request, Reply, Any], *replies: Reply) -> tuple[list[Request], Any]:
    """The requests it made, and what it returned."""
    made: list[Request] = []
    try:
        made.append(next(sequence))
        for reply in replies:
            request = sequence.send(reply)
            made.append(request)
    except StopIteration as ended:
        return made, ended.value
    return made, "more"


def headers(request: Request) -> dict[str, str]:
    return dict(request.headers)


def body(request: Request) -> dict[str, Any]:
    return dict(json.loads(request.body))


def test_every_protocol_a_user_may_name_is_a_dialect() -> None:
    """The words of a scenario and the registry agree."""
    assert {*DIALECTS, "auto"} == {*get_args(Protocol)}


@pytest.mark.parametrize("version", HANDSHAKE_VERSIONS)
def test_the_handshake_opens_in_two_steps_and_names_the_session_from_then_on(version: str) -> None:
    """No session and no version header before they are known."""
    session = new_session(version)
    made, decided = drive(
        session.opening(), ok({"protocolVersion": version}, "s1"), Reply(outcome.OK, status=202)
    )
    call = session.call("echo", {"message": "hi"})

    assert decided.outcome == outcome.OK
    assert [request.operation for request in made] == ["initialize", "notifications/initialized"]
    assert headers(made[0]) == {"Accept": BOTH, "Content-Type": "application/json"}
    assert body(made[0])["params"]["protocolVersion"] == version
    assert body(made[0])["params"]["capabilities"] == {}
    assert body(made[1]) == {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert made[1].id is None
    named = {"Mcp-Session-Id": "s1", "MCP-Protocol-Version": version}
    assert headers(made[1]) == headers(call) == headers(made[0]) | named
    assert body(call) == {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": "echo", "arguments": {"message": "hi"}},
    }
    assert (call.operation, call.id, call.in_session) == ("tools/call:echo", 2, True)


def test_the_server_s_counter_offer_is_taken() -> None:
    """What it said is what we say from then on; the next opening offers our own again."""
    session = new_session("2025-11-25")
    drive(session.opening(), ok({"protocolVersion": "2025-03-26"}))

    assert headers(session.request(*GET_TOOLS))["MCP-Protocol-Version"] == "2025-03-26"
    made, _ = drive(session.opening())
    assert body(made[0])["params"]["protocolVersion"] == "2025-11-25"


@pytest.mark.parametrize(
    "result", [{}, [], None, {"protocolVersion": "2026-07-28"}, {"protocolVersion": 1}, {"protocolVersion": "a\r\nB: c"}]
)  # fmt: skip
def test_no_version_to_agree_on_is_a_bad_body(result: Any) -> None:
    """And nothing of it gets into a header."""
    session = new_session("2025-11-25")
    made, decided = drive(session.opening(), ok(result, "s1"))

    assert decided.outcome == outcome.BAD_BODY
    assert len(made) == 1
    assert session.session_id is None


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ([Reply(outcome.CONNECT)], outcome.CONNECT),
        ([ok({"protocolVersion": "2025-11-25"}), Reply(outcome.HTTP_STATUS)], outcome.HTTP_STATUS),
    ],
)
def test_opening_ends_with_the_first_reply_that_failed(replies: list[Reply], expected: str) -> None:
    """It is the one that says why."""
    assert drive(new_session("2025-11-25").opening(), *replies)[1].outcome == expected


def test_a_session_is_closed_once_and_none_is_not() -> None:
    """DELETE with both headers; a server without sessions is left alone."""
    session = new_session("2025-11-25")
    assert drive(session.closing()) == ([], None)
    drive(session.opening(), ok({"protocolVersion": "2025-11-25"}, "s1"), Reply(outcome.OK))
    (goodbye,), _ = drive(session.closing(), Reply(outcome.OK))

    assert (goodbye.method, goodbye.body, goodbye.id) == ("DELETE", b"", None)
    assert headers(goodbye)["Mcp-Session-Id"] == "s1"
    assert session.session_id is None
    assert drive(session.closing()) == ([], None)


def test_ids_go_up_by_one_and_are_numbers() -> None:
    """In every dialect: some servers make nothing of text."""
    for name in DIALECTS:
        session = new_session(name)
        requests = [session.call("a", {}), session.request("ping", {}), session.call("a", {})]
        assert [request.id for request in requests] == [1, 2, 3]
        assert [body(request)["id"] for request in requests] == [1, 2, 3]


def test_the_modern_dialect_carries_everything_with_each_request() -> None:
    """Envelope in the body, method and name in the headers, and nothing to open or close."""
    session = new_session("2026-07-28")
    assert drive(session.opening()) == drive(session.closing()) == ([], None)
    call, other, read = (
        session.call("echo", {"a": 1}),
        session.request("tools/list", {}),
        session.request("resources/read", {"uri": "x://ü"}),
    )

    shared = {"Accept": BOTH, "Content-Type": "application/json", "MCP-Protocol-Version": "2026-07-28"}
    assert headers(call) == {**shared, "Mcp-Method": "tools/call", "Mcp-Name": "echo"}
    assert headers(other) == {**shared, "Mcp-Method": "tools/list"}
    assert headers(read) == {
        **shared,
        "Mcp-Method": "resources/read",
        "Mcp-Name": "=?base64?eDovL8O8?=",
    }
    for request in (call, other, read):
        meta = body(request)["params"]["_meta"]
        assert meta["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
        assert meta["io.modelcontextprotocol/clientCapabilities"] == {}
        assert meta["io.modelcontextprotocol/clientInfo"]["name"] == "mcp-harness"
        assert not request.in_session
    assert body(call)["params"]["arguments"] == {"a": 1}
    assert body(read)["params"]["uri"] == "x://ü"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("echo", "echo"),
        ("two words", "two words"),
        ("x", "x"),
        ("", "=?base64??="),
        (" edge", "=?base64?IGVkZ2U=?="),
        ("edge ", "=?base64?ZWRnZSA=?="),
        ("ü", "=?base64?w7w=?="),
        ("a\r\nb", "=?base64?YQ0KYg==?="),
        ("=?base64?x?=", "=?base64?PT9iYXNlNjQ/eD89?="),
    ],
)
def test_names_that_a_header_cannot_carry_are_wrapped(name: str, expected: str) -> None:
    """Whatever a tool is called, the header is one line of printable ASCII."""
    assert header_value(name) == expected


def test_plain_calls_the_tool_as_the_method() -> None:
    """No session, no envelope."""
    session = new_session("plain")
    assert drive(session.opening()) == drive(session.closing()) == ([], None)
    call = session.call("execute_query", {"query": "SELECT 1"})

    assert body(call) == {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "execute_query",
        "params": {"query": "SELECT 1"},
    }
    assert call.operation == "tools/call:execute_query"


def test_the_websocket_dialect_shakes_hands_in_frames() -> None:
    """The same two messages, without headers; the connection is the session."""
    session = new_session("websocket")
    made, decided = drive(session.opening(), ok({"protocolVersion": "2025-11-25"}), Reply(outcome.OK))

    assert decided.outcome == outcome.OK
    assert [body(request)["method"] for request in made] == ["initialize", "notifications/initialized"]
    assert [request.headers for request in made] == [(), ()]
    assert drive(session.closing()) == ([], None)
    assert drive(session.opening(), Reply(outcome.CONNECT))[1].outcome == outcome.CONNECT


@pytest.mark.parametrize("name", DIALECTS)
def test_arguments_may_come_encoded(name: str) -> None:
    """For calls that never vary: the same bytes without the work."""
    encoded, fresh = new_session(name), new_session(name)

    assert encoded.call("echo", msgspec.Raw(b'{"a":1}')).body == fresh.call("echo", {"a": 1}).body


def test_a_session_of_2026_07_28_asks_who_the_server_is_where_its_process_has_just_begun() -> None:
    """It may not know that request; only when the connection fails the session is not open."""
    for ended, opened in ((outcome.OK, True), (outcome.RPC_ERROR, True), (outcome.DISCONNECTED, False)):
        opening = new_session("2026-07-28", Traits(introduces=True)).opening()
        assert next(opening).operation == "server/discover"
        with pytest.raises(StopIteration) as end:
            opening.send(Reply(ended))
        assert (end.value.value is None) == opened
    assert list(new_session("2026-07-28").opening()) == []
