"""The asyncio client's WebSocket against the same wire as the load's, with the same outcomes."""

import socket
from collections.abc import Iterator

import pytest

from harness.client.socket import socket_client
from harness.mcp import outcome
from harness.mcp.messages import Reply, Request
from tests.fakes.wire import WireServer, wire_server
from tests.fakes.wire_frames import FRAME_CASES, FrameCase

ASK = Request("tools/call:x", b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{}}', (), 2)


@pytest.fixture(scope="module")
def server() -> Iterator[WireServer]:
    with wire_server() as running:
        yield running


@pytest.mark.parametrize("case", FRAME_CASES, ids=lambda case: case.name)
async def test_each_way_a_websocket_can_fail_has_the_same_name_as_in_the_load(
    server: WireServer, case: FrameCase
) -> None:
    """Refused at the door or failed in the call."""
    url = server.url.replace("http", "ws") + case.path
    timeout_s = 0.2 if case.outcome == outcome.TIMEOUT else 10.0
    async with socket_client(url, timeout_s, {"X-Token": "t"}) as client:
        reply = client if isinstance(client, Reply) else await client.exchange(ASK)

    assert reply.outcome == case.outcome, reply
    assert case.detail in reply.detail


async def test_a_refused_port_is_connect() -> None:
    """With the system's own words."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with socket_client(f"ws://127.0.0.1:{taken.getsockname()[1]}/", 10, {}) as reply:
            assert isinstance(reply, Reply)

    assert reply.outcome == outcome.CONNECT
    assert "refused" in reply.detail.lower()


async def test_a_listener_that_never_accepts_is_a_timeout() -> None:
    """The deadline covers connecting."""
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        async with socket_client(f"ws://127.0.0.1:{deaf.getsockname()[1]}/", 0.3, {}) as reply:
            assert isinstance(reply, Reply)

    assert reply.outcome == outcome.TIMEOUT
