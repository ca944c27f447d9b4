"""The load's WebSocket against real sockets, every fault of the wire among them."""

import threading
import time
from collections.abc import Iterator

import gevent
import pytest

from harness.load.inside.transport.deadlines import Deadlines
from harness.load.inside.transport.websocket_connection import WebSocketConnection
from harness.mcp import outcome
from harness.mcp.dialects import new_session
from harness.mcp.messages import Request
from harness.run_directory.schema import NULL
from tests.fakes.wire import BY_PATH, Case, WireServer, wire_server
from tests.fakes.wire_frames import FRAME_CASES, NOTE, FrameCase, Peer
from tests.load.inside.waiting import until


@pytest.fixture(scope="module")
def server() -> Iterator[WireServer]:
    with wire_server() as running:
        yield running


def connection(server: WireServer, path: str, timeout_s: float = 10.0) -> WebSocketConnection:
    url = server.url.replace("http", "ws") + path
    return WebSocketConnection(url, Deadlines(), timeout_s, (("X-Token", "t"),))


def ask(number: int = 2) -> Request:
    body = b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{}}' % number
    return Request("tools/call:x", body, (), number)


@pytest.mark.parametrize("case", FRAME_CASES, ids=lambda case: case.name)
def test_each_way_a_websocket_can_fail_has_its_name(server: WireServer, case: FrameCase) -> None:
    """One outcome a case; after a failure of the connection, or what it cannot go on after, it is closed."""
    here = connection(server, case.path, 0.2 if case.outcome == outcome.TIMEOUT else 10.0)

    done = here.exchange(ask())
    closed = not here.is_open
    here.close()

    assert done.reply.outcome == case.outcome, done.reply
    assert case.detail in done.reply.detail
    assert done.sent_ns < done.done_ns
    assert (done.first_byte_ns == NULL) == (done.bytes_in == 0)
    broken = case.outcome in outcome.CONNECTION_FAILURES or case.name == "too large"
    assert closed == (broken or done.reply.status != 101)


def test_a_session_opens_calls_and_reuses_one_connection(server: WireServer) -> None:
    """The opening is a call like any other, on the connection that it opened."""
    before = server.connections
    here, session = connection(server, "/ws-answers"), new_session("websocket")
    opening = session.opening()
    first = here.exchange(next(opening))
    second = here.exchange(opening.send(first.reply))
    third = here.exchange(session.call("echo", {"message": "hi"}))
    here.close()

    assert [done.reply.outcome for done in (first, second, third)] == ["ok", "ok", "ok"]
    assert [done.reused for done in (first, second, third)] == [False, True, True]
    assert server.connections == before + 1
    assert b"X-Token: t" in server.heads[-1]
    assert b"Sec-WebSocket-Protocol: mcp" in server.heads[-1]


def test_after_a_failure_the_next_call_connects_anew(server: WireServer) -> None:
    """With nothing left over of the connection before."""
    here = connection(server, "/ws-cut-between-fragments")

    done = [here.exchange(ask(number)) for number in (1, 2)]

    assert [(one.reply.outcome, one.reused) for one in done] == [("truncated", False)] * 2


def test_a_goodbye_that_came_while_idle_is_found_by_the_next_call(server: WireServer) -> None:
    """Disconnected, on a connection that was used before."""
    here = connection(server, "/ws-closes-after-the-answer")
    first, second = here.exchange(ask(1)), here.exchange(ask(2))

    assert first.reply.outcome == outcome.OK
    assert second.reply.outcome in {outcome.DISCONNECTED, outcome.RESET}
    assert second.reused


def test_a_flood_that_never_answers_is_a_timeout(server: WireServer) -> None:
    """While there is always more to read, the deadline still holds."""
    stop = threading.Event()

    def flood(peer: Peer) -> None:
        peer.accept()
        while not stop.is_set():
            peer.send(NOTE * 1000)

    BY_PATH["/ws-flood"] = Case("flood", "timeout", lambda wire: flood(Peer(wire)))
    here = connection(server, "/ws-flood", 0.5)
    began_s = time.monotonic()
    done = here.exchange(ask())
    stop.set()

    assert done.reply.outcome == outcome.TIMEOUT
    assert time.monotonic() - began_s < 30


def test_a_stopped_user_leaves_its_connection_closed(server: WireServer) -> None:
    """Killed in mid-call: the socket goes with it."""
    here = connection(server, "/ws-hangs")
    user = gevent.spawn(here.exchange, ask())
    until(lambda: here.is_open)

    user.kill()

    assert not here.is_open
    assert here.deadline_ns == 0
