"""The aiohttp client against the same wire as the load's connection, with the same outcomes."""

import socket
from collections.abc import Iterator

import pytest

from harness.client.http import http_client
from harness.mcp import outcome
from harness.mcp.messages import Request
from tests.fakes.wire import CASES, Case, WireServer, wire_server


@pytest.fixture(scope="module")
def server() -> Iterator[WireServer]:
    with wire_server() as running:
        yield running


# aiohttp forgets what it has read and nobody has taken when what follows is bad; the load's connection does not.
SEEN_ALIKE = [case for case in CASES if case.name != "bad chunk after the answer"]


def ask(case: Case) -> Request:
    headers = (("Content-Type", "application/json"),)
    if case.session:
        headers += (("Mcp-Session-Id", "s1"),)
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}'
    return Request("tools/call:x", body, headers, 1, in_session=case.session, names_session=case.session)


@pytest.mark.parametrize("case", SEEN_ALIKE, ids=lambda case: case.name)
async def test_each_way_the_wire_can_fail_has_the_same_name_as_in_the_load(
    server: WireServer, case: Case
) -> None:
    """What the preflight says of a server is what a run would say."""
    timeout_s = 0.2 if case.outcome == outcome.TIMEOUT else 10.0
    async with http_client(server.url + case.path, timeout_s, {}) as client:
        reply = await client.exchange(ask(case))

    assert (reply.outcome, reply.code) == (case.outcome, case.code), reply
    assert case.detail in reply.detail


async def test_a_refused_port_is_connect() -> None:
    """With the system's own words."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with http_client(f"http://127.0.0.1:{taken.getsockname()[1]}/", 10, {}) as client:
            reply = await client.exchange(ask(CASES[0]))

    assert reply.outcome == outcome.CONNECT
    assert "refused" in reply.detail.lower()


async def test_no_cookies_no_compression_asked_and_the_user_s_headers_sent(server: WireServer) -> None:
    """Nothing that the load would not do."""
    async with http_client(server.url + "/json", 10, {"X-Token": "t"}) as client:
        await client.exchange(ask(CASES[0]))
    head = server.heads[-1].lower()

    assert b"x-token: t" in head
    assert b"cookie" not in head
    assert b"accept-encoding" not in head
    assert b"user-agent" not in head
