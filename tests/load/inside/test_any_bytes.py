"""Any bytes as a response, on the load's own connection: one outcome, no crash, no wait without end, bounded memory."""

import gc
import socket
import tracemalloc
from collections.abc import Iterator

import gevent.socket
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.load.inside.transport import http_connection
from harness.load.inside.transport.deadlines import Deadlines
from harness.load.inside.transport.http_connection import HttpConnection
from harness.mcp import outcome
from harness.mcp.messages import Request
from harness.run_directory.schema import NULL
from tests.fakes.wire import CASES, WireServer, wire_server

REQUEST = Request("tools/call:x", b"{}", (), 7, in_session=True, names_session=True)
REQUEST_OUTSIDE = Request("tools/call:x", b'{"jsonrpc":"2.0","id":7,"method":"tools/call"}', (), 7)
ANSWER = b'{"jsonrpc":"2.0","id":7,"result":{}}'
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER)
PARTS = [
    WHOLE,
    ANSWER,
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 404 Not Found\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"Content-Type: text/event-stream\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 99999999999999999999\r\n",
    b"Mcp-Session-Id: \xff\r\n",
    b"Connection: close\r\n",
    b"\r\n",
    b"0\r\n\r\n",
    b"data: " + ANSWER + b"\n\n",
    b"ffffffffffffffff\r\n",
]


@pytest.mark.thorough
@given(st.lists(st.sampled_from(PARTS) | st.binary(max_size=30), max_size=8))
@settings(max_examples=150, deadline=None)
@example([WHOLE])
@example([WHOLE, WHOLE])
@example([])
def test_any_bytes_are_one_outcome(parts: list[bytes]) -> None:
    """Whatever a server sends before it closes; the connection is kept only after a whole response."""
    ours, theirs = gevent.socket.socketpair()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http_connection, "connect", lambda place, deadline_ns: ours)
        theirs.sendall(b"".join(parts))
        theirs.shutdown(socket.SHUT_WR)
        here = HttpConnection("http://127.0.0.1:1/mcp", Deadlines(), 5.0)
        done = here.exchange(REQUEST)
        kept = here._socket is not None
        here.close()
        theirs.close()

    assert done.reply.outcome in outcome.ALL
    assert done.reply.outcome not in {outcome.TIMEOUT, outcome.CONNECT}
    assert done.reply.detail.isprintable()
    assert (done.first_byte_ns == NULL) == (done.bytes_in == 0)
    assert done.bytes_in <= len(b"".join(parts))
    assert not (kept and done.reply.outcome in outcome.CONNECTION_FAILURES)


@pytest.fixture(scope="module")
def server() -> Iterator[WireServer]:
    with wire_server() as running:
        yield running


def held() -> int:
    """Bytes that were taken by the harness's own lines, and not given back: what waits for the collector is."""
    gc.collect()
    found = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/harness/*")])
    return sum(trace.size for trace in found.traces)


@pytest.mark.thorough
def test_bad_replies_without_end_take_no_memory(server: WireServer) -> None:
    """Round after round of everything that can go wrong at once: hundreds of calls leave nothing behind."""
    quick = [
        case
        for case in CASES
        if case.outcome != outcome.TIMEOUT and "flood" not in case.name and not case.session
    ]
    here = HttpConnection(server.url, Deadlines(), 10.0)
    wrong = []

    def rounds(count: int) -> None:
        for case in quick * count:
            done = here.exchange(REQUEST_OUTSIDE, target=case.path)
            closed_meanwhile = done.reused and done.reply.outcome in {outcome.DISCONNECTED, outcome.RESET}
            if done.reply.outcome != case.outcome and not closed_meanwhile:
                wrong.append((case.name, done.reply))

    rounds(1)
    tracemalloc.start()
    rounds(1)
    before = held()
    rounds(2)
    after = held()
    tracemalloc.stop()
    here.close()

    assert wrong == []
    assert after - before < 50_000
