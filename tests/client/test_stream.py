"""The aiohttp client's HTTP+SSE against the same wire as the load's, with the same outcomes."""

from collections.abc import Iterator

import pytest

from harness.client.preflight import preflight
from harness.client.session import connected
from harness.client.stream import stream_client
from harness.foundation.errors import UsageError
from harness.mcp import outcome
from harness.mcp.dialects import new_session
from harness.mcp.messages import Reply
from tests.fakes.wire_stream import CASES, Case, StreamServer, stream_server


@pytest.fixture(scope="module")
def server() -> Iterator[StreamServer]:
    with stream_server() as running:
        yield running


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_each_way_a_call_can_end_has_the_same_name_as_in_the_load(
    server: StreamServer, case: Case
) -> None:
    """What the preflight says of a server is what a run would say."""
    timeout_s = 0.3 if case.outcome == outcome.TIMEOUT else 10.0
    async with stream_client(server.url + case.path, timeout_s, {}) as client:
        reply = client
        if not isinstance(client, Reply):
            session = new_session("sse")
            session.call("given up", {})
            reply = await client.exchange(session.call("x", {}))

    assert reply.outcome == case.outcome, reply


@pytest.mark.parametrize("protocol", ["sse", "auto"])
async def test_a_server_of_http_sse_is_found_and_called(server: StreamServer, protocol: str) -> None:
    """By name, or because nothing can be posted where its stream is."""
    url = server.url + ("/right" if protocol == "sse" else "/get-only")
    found = await preflight(url, protocol, timeout_s=10)
    async with connected(url, protocol, timeout_s=10) as client:
        called = await client.call("x", {})

    assert (found.protocol, found.tools, client.protocol) == ("sse", [], "sse")
    assert called.outcome == outcome.OK


async def test_what_is_no_stream_is_not_there_as_asked(server: StreamServer) -> None:
    """With the status that was found."""
    with pytest.raises(UsageError, match="does not speak MCP as requested") as raised:
        await preflight(server.url + "/no-such-address", "sse", timeout_s=10)

    assert "404" in raised.value.why
