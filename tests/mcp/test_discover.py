"""Finding the dialect: scripted servers, and what is asked of them."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from harness.mcp import outcome
from harness.mcp.discover import DiscoveredDialect, discover
from harness.mcp.messages import Reply, Request

INFO = {"name": "tiny", "version": "1.0"}
Server = Callable[[str, dict[str, Any]], Reply]


def ok(result: Any, session_id: str | None = None) -> Reply:
    return Reply(
        outcome.OK, status=200, result=msgspec.Raw(json.dumps(result).encode()), session_id=session_id
    )


def search(server: Server) -> tuple[DiscoveredDialect, list[str]]:
    """What was found, and by which requests."""
    asked: list[str] = []
    sequence = discover()
    request: Request = next(sequence)
    for _ in range(50):
        asked.append(request.operation)
        params = json.loads(request.body or b"{}").get("params", {})
        try:
            request = sequence.send(server(request.operation, params))
        except StopIteration as ended:
            return ended.value, asked
    raise AssertionError("it goes on for ever")


def refuse(method: str, params: dict[str, Any]) -> Reply:
    return Reply(outcome.RPC_ERROR, "no such method", 404, -32601)


def modern(method: str, params: dict[str, Any]) -> Reply:
    if method == "server/discover":
        meta = {"io.modelcontextprotocol/serverInfo": INFO}
        return ok({"supportedVersions": ["2026-07-28"], "_meta": meta})
    return refuse(method, params)


def modern_without_discover(method: str, params: dict[str, Any]) -> Reply:
    return ok({"tools": []}) if method == "tools/list" else refuse(method, params)


def counter_offers(version: str) -> Server:
    def server(method: str, params: dict[str, Any]) -> Reply:
        if method == "initialize":
            return ok({"protocolVersion": version, "serverInfo": INFO}, "s1")
        if method == "server/discover":
            return Reply(outcome.HTTP_STATUS, "400 Server not initialized", 400, -32000)
        return Reply(outcome.OK, status=202)

    return server


def only(version: str) -> Server:
    """No counter-offer: an error, as some servers do."""

    def server(method: str, params: dict[str, Any]) -> Reply:
        if method == "initialize" and params["protocolVersion"] != version:
            return Reply(outcome.RPC_ERROR, "unsupported", 200, -32602)
        return counter_offers(version)(method, params)

    return server


def fails_with(failed: str) -> Server:
    return lambda method, params: Reply(failed)


HANDSHAKE = ["initialize", "notifications/initialized", "session/delete"]


@pytest.mark.parametrize(
    ("server", "protocol", "asked"),
    [
        (modern, "2026-07-28", ["server/discover"]),
        (counter_offers("2025-11-25"), "2025-11-25", ["server/discover", *HANDSHAKE]),
        (counter_offers("2024-11-05"), "2024-11-05", ["server/discover", *HANDSHAKE]),
        (only("2025-06-18"), "2025-06-18", ["server/discover", "initialize", *HANDSHAKE]),
    ],
)
def test_a_server_is_found_by_what_it_answers(server: Server, protocol: str, asked: list[str]) -> None:
    """With its name, and its session closed again."""
    found, requests = search(server)

    assert (found.protocol, found.server_name, found.server_version) == (protocol, "tiny", "1.0")
    assert requests == asked


@pytest.mark.parametrize(
    ("supported", "asked"),
    [
        (["2026-07-28"], ["server/discover", "server/discover"]),
        (["2099-01-01"], ["server/discover", "initialize", "tools/list"]),
        (None, ["server/discover", "initialize", "tools/list"]),
    ],
)
def test_a_server_that_offers_the_version_it_refused_is_asked_once_more(
    supported: Any, asked: list[str]
) -> None:
    """Once, and only when the offer is ours too."""
    data = msgspec.Raw(json.dumps({"supported": supported}).encode())
    refusal = Reply(outcome.REJECTED, "version", 400, -32022, data=data)
    answers = iter([refusal, modern("server/discover", {})])

    found, requests = search(
        lambda method, params: (
            next(answers) if method == "server/discover" else Reply(outcome.HTTP_STATUS, status=400)
        )
    )

    assert requests == asked
    assert found.protocol == ("2026-07-28" if supported == ["2026-07-28"] else None)


def test_a_modern_server_need_not_introduce_itself() -> None:
    """tools/list in its form is proof enough, when no handshake is."""
    found, asked = search(modern_without_discover)

    assert (found.protocol, found.server_name) == ("2026-07-28", None)
    assert asked[-1] == "tools/list"


@pytest.mark.parametrize(
    "failed",
    [outcome.CONNECT, outcome.RESET, outcome.DISCONNECTED, outcome.TRUNCATED, outcome.TIMEOUT, outcome.HTTP_PROTOCOL],
)  # fmt: skip
def test_a_failed_connection_is_no_verdict_and_ends_the_search(failed: str) -> None:
    """It says nothing about what the server speaks."""
    found, asked = search(fails_with(failed))

    assert (found.protocol, found.reply.outcome) == (None, failed)
    assert asked == ["server/discover"]


@pytest.mark.parametrize(
    "failed", [outcome.HTTP_STATUS, outcome.BAD_BODY, outcome.STREAM_ENDED, outcome.RATE_LIMITED]
)
def test_what_speaks_no_dialect_is_not_found_and_the_reply_says_why(failed: str) -> None:
    """After every way was tried, once."""
    found, asked = search(fails_with(failed))

    assert (found.protocol, found.reply.outcome) == (None, failed)
    assert asked == ["server/discover", "initialize", "tools/list"]


@pytest.mark.parametrize(
    "result",
    [
        None,
        [],
        {"supportedVersions": 1},
        {"supportedVersions": "2026-07-28"},
        {"supportedVersions": ["2026-07-28"], "_meta": []},
        {"supportedVersions": ["2026-07-28"], "_meta": {"io.modelcontextprotocol/serverInfo": [1]}},
        {"supportedVersions": [{}, None], "serverInfo": {"name": {"a": 1}}, "protocolVersion": []},
        {"protocolVersion": "2025-11-25", "serverInfo": {"name": 1, "version": None}},
    ],
)
def test_strange_answers_do_not_confuse_the_search(result: Any) -> None:
    """Found or not, with text for names."""
    found, _ = search(lambda method, params: ok(result))

    assert found.server_name is None or isinstance(found.server_name, str)
    assert found.protocol in {"2026-07-28", "2025-11-25"}
