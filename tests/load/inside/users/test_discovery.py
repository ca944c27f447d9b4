"""Finding the dialect from inside Locust: for users of plain `locust -f`."""

from collections.abc import Iterator

import pytest

from harness.foundation.errors import TargetUnreachableError
from harness.load.inside.users.discovery import find_mirrored, find_protocol
from tests.fakes.wire import BY_PATH, Case, Wire, wire_server
from tests.fakes.wire_stream import stream_server

SCHEMA = '{"type":"object","properties":{"a":{"type":"string","x-mcp-header":"A"}}}'


@pytest.fixture(scope="module")
def modern() -> Iterator[str]:
    def act(wire: Wire) -> None:
        if b"server/discover" in wire.body:
            wire.whole(wire.answer('{"supportedVersions":["2026-07-28"]}'))
        else:
            wire.whole(wire.answer(f'{{"tools":[{{"name":"x","inputSchema":{SCHEMA}}},{{"name":"y"}}]}}'))

    BY_PATH["/modern"] = Case("", "", act)
    with wire_server() as server:
        yield server.url


def test_a_server_of_2026_07_28_is_found_with_what_goes_into_headers(modern: str) -> None:
    """Older dialects have no such headers, and nothing is asked for them."""
    protocol = find_protocol(modern + "/modern", {})

    assert protocol == "2026-07-28"
    assert find_mirrored(modern + "/modern", {}, protocol) == {"x": {"A": ["a"]}}
    assert find_mirrored(modern + "/status-503", {}, protocol) == {}
    assert find_mirrored("http://127.0.0.1:1/", {}, "2025-11-25") == {}


def test_a_server_of_http_sse_is_found_where_nothing_can_be_posted() -> None:
    """And what is neither is not there."""
    with stream_server() as server:
        found = find_protocol(server.url + "/get-only", {})
        with pytest.raises(TargetUnreachableError, match="No MCP server answers"):
            find_protocol("http://127.0.0.1:1/", {})

    assert found == "sse"


def test_what_refuses_posts_and_has_no_stream_is_not_there(modern: str) -> None:
    """404 for everything."""
    with pytest.raises(TargetUnreachableError, match="No MCP server answers"):
        find_protocol(modern + "/status-404", {})
