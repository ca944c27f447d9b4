"""What the load's connections hold when an exchange is over: nothing, however much came. The collector of cycles is off."""

import gc
import struct
import tracemalloc
from collections.abc import Iterator

import pytest

from harness.load.inside.transport.deadlines import Deadlines
from harness.load.inside.transport.http_connection import HttpConnection
from harness.load.inside.transport.sse_connection import StreamConnection
from harness.load.inside.transport.websocket_connection import WebSocketConnection
from harness.mcp import outcome
from harness.mcp.messages import Request
from tests.fakes.wire import BY_PATH, Case, Wire, WireServer, wire_server
from tests.fakes.wire_frames import NOTE, Peer, called, frame

MANY = 5_000_000
HELD_BYTES_MAX = 1_000_000
ASK = Request("tools/call:x", b'{"jsonrpc":"2.0","id":7,"method":"tools/call"}', (), 7)
OURS = [tracemalloc.Filter(True, f"*/{part}/*") for part in ("harness", "websockets")]  # not the server's
STREAM = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


def endless(wire: Wire, start: str, piece: str) -> None:
    wire.send(start)
    for _ in range(10_000):
        wire.send(piece)


def fragments(peer: Peer, _: int) -> None:
    peer.send(frame("[", fin=False))
    for _ in range(2_000):
        peer.send(frame("1" * 60_000, 0, fin=False))


def whole_frame(peer: Peer, number: int) -> None:
    text = f'{{"jsonrpc":"2.0","id":{number},"result":{{"x":"{"x" * MANY}"}}}}'.encode()
    peer.send(b"\x81\x7f" + struct.pack("!Q", len(text)), text)
    peer.wire.hang()


BIG = '{"x":"' + "x" * MANY + '"}'
CASES = {
    "http endless event": ("bad_body", lambda w: endless(w, STREAM, "data: " + "x" * 60_000)),
    "http endless lines": ("bad_body", lambda w: endless(w, STREAM, f"data: {'x' * 1_000}\n" * 60)),
    "http endless body": ("bad_body", lambda w: endless(w, "HTTP/1.1 200 OK\r\n\r\n", "x" * 60_000)),
    "http answered at length": ("ok", lambda w: (w.whole(w.answer(BIG)), w.hang())),
    "http floods after the answer": ("ok", lambda w: endless(w, f"{STREAM}data: {w.answer()}\n\n", "x" * 60_000)),
    "sse endless event": ("bad_body", lambda w: endless(w, STREAM, "data: " + "x" * 60_000)),
    "ws fragments without end": ("bad_body", called(fragments)),
    "ws answered at length": ("ok", called(whole_frame)),
    "ws many frames at once": ("http_protocol", called(lambda p, n: p.send(frame("[", fin=False), frame("", 0, fin=False) * 300_000))),
}  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[WireServer]:
    for name, (ended, play) in CASES.items():
        act = (lambda wire, play=play: play(Peer(wire))) if name.startswith("ws") else play
        BY_PATH["/held-" + name.replace(" ", "-")] = Case(name, ended, act)
    with wire_server() as running:
        yield running


@pytest.mark.thorough
@pytest.mark.parametrize("name", CASES)
def test_nothing_is_held_of_an_exchange_that_is_over(server: WireServer, name: str) -> None:
    """Neither by a connection that goes on, nor by one that was closed: whatever is to come next finds room."""
    carrier = {"http": HttpConnection, "sse": StreamConnection, "ws": WebSocketConnection}[
        name.split(maxsplit=1)[0]
    ]
    scheme = "ws" if name.startswith("ws") else "http"
    url = server.url.replace("http", scheme) + "/held-" + name.replace(" ", "-")
    here = carrier(url, Deadlines(), 30.0)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        ended = here.exchange(ASK).reply.outcome
        taken = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
        gc.enable()
    here.close()

    assert ended == CASES[name][0]
    assert sum(trace.size for trace in taken.filter_traces(OURS).traces) < HELD_BYTES_MAX


def test_a_websocket_is_closed_behind_a_message_beyond_the_bound(server: WireServer) -> None:
    """Nothing that follows it can be read: the next call has a connection of its own."""
    here = WebSocketConnection(
        server.url.replace("http", "ws") + "/held-ws-fragments-without-end", Deadlines(), 30.0
    )

    done = [here.exchange(ASK) for _ in range(2)]
    here.close()

    assert [(one.reply.outcome, one.reused) for one in done] == [(outcome.BAD_BODY, False)] * 2


def test_a_thousand_notifications_at_once_are_no_breach(server: WireServer) -> None:
    """As many as fit into a piece are passed over."""
    BY_PATH["/ws-notes"] = Case(
        "", "", lambda wire: called(lambda p, n: p.send(NOTE * 1_250, p.answer(n)))(Peer(wire))
    )
    here = WebSocketConnection(server.url.replace("http", "ws") + "/ws-notes", Deadlines(), 30.0)

    done = here.exchange(ASK)
    here.close()

    assert done.reply.outcome == outcome.OK
