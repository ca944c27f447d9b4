"""What is held of all replies together: counted from the second piece on, given back with the last reference."""

import struct
from collections.abc import Callable, Iterator

import pytest

from harness.mcp import outcome, reply_memory
from harness.mcp.exchange import Exchange
from harness.mcp.frames import Frames
from harness.mcp.messages import Reply, Request
from harness.mcp.reply_memory import HeldBytes, NoRoomError, Share, joined
from harness.mcp.stream import Stream
from tests.fakes.wire_frames import accepted, frame

MAX = 100_000
ASK = Request("tools/call:x", b"{}", (), 7)
EVENTS = "text/event-stream"


@pytest.fixture(autouse=True)
def _bound(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A small one, and nothing is left of any test."""
    monkeypatch.setattr(reply_memory, "HELD_BYTES_MAX", MAX)
    before = Share.of_all[0]
    yield
    assert Share.of_all[0] == before


def test_one_piece_is_not_counted_and_two_are_until_they_are_let_go_of() -> None:
    """Whoever holds them: the reply that was made of them does."""
    first = joined(b"", b"x" * 10)
    both = joined(first, b"y" * 5)

    assert (first, both) == (b"x" * 10, b"x" * 10 + b"y" * 5)
    assert Share.of_all[0] == 15
    assert joined(both, b"z") is both
    assert Share.of_all[0] == 16
    del both
    assert Share.of_all[0] == 0


def test_what_does_not_fit_is_an_error_and_changes_nothing() -> None:
    """The next one may fit."""
    full = HeldBytes(b"x" * (MAX - 10))
    with pytest.raises(NoRoomError):
        HeldBytes(b"x" * 11)
    with pytest.raises(NoRoomError):
        full.add(b"x" * 11)
    full.add(b"x" * 10)

    assert len(full) == Share.of_all[0] == MAX


def body() -> Callable[[], Reply | None]:
    exchange = Exchange(ASK)
    exchange.head(200, "application/json", None)
    return lambda: (exchange.body(b"x" * 20_000), exchange.reply)[1]


def event() -> Callable[[], Reply | None]:
    exchange = Exchange(ASK)
    exchange.head(200, EVENTS, None)
    exchange.body(b"data: ")
    return lambda: (exchange.body(b"x" * 20_000), exchange.reply)[1]


def lines() -> Callable[[], Reply | None]:
    exchange = Exchange(ASK)
    exchange.head(200, EVENTS, None)
    return lambda: (exchange.body(b"data: %b\n" % (b"x" * 20_000)), exchange.reply)[1]


def stream() -> Callable[[], Reply | None]:
    open_stream = Stream("http://127.0.0.1/", lambda: None)
    open_stream.head(200, EVENTS, None)
    return lambda: (open_stream.body(b"data: %b\n" % (b"x" * 20_000)), open_stream.reply)[1]


def websocket() -> Frames:
    frames = Frames("ws://127.0.0.1/")
    frames.receive(accepted(frames.hello()))
    frames.send(ASK)
    return frames


def fragments() -> Callable[[], Reply | None]:
    frames = websocket()
    frames.receive(frame("[", fin=False))
    return lambda: (frames.receive(frame("1" * 20_000, 0, fin=False)), frames.reply)[1]


def one_frame() -> Callable[[], Reply | None]:
    frames = websocket()
    frames.receive(b"\x81\x7f" + struct.pack("!Q", 9_000_000))
    return lambda: (frames.receive(b"1" * 20_000), frames.reply)[1]


@pytest.mark.parametrize("begin", [body, event, lines, stream, fragments, one_frame])
def test_a_reply_that_finds_no_room_is_given_up(begin: Callable[[], Callable[[], Reply | None]]) -> None:
    """It is not the server's fault, and whoever comes later finds room."""
    more = begin()
    reply = next(reply for _ in range(10) if (reply := more()) is not None)

    assert (reply.outcome, reply.outcome in outcome.FAILED) == (outcome.NOT_HELD, False)
    assert Share.of_all[0] < MAX // 4


def test_a_large_frame_is_counted_for_as_long_as_its_reply_is_held() -> None:
    """As is every other large reply."""
    frames = websocket()
    text = b'{"jsonrpc":"2.0","id":7,"result":"%b"}' % (b"x" * 80_000)
    for piece in (b"\x81\x7f" + struct.pack("!Q", len(text)), text[:50_000], text[50_000:]):
        frames.receive(piece)
    reply, frames.reply = frames.reply, None

    assert reply is not None
    assert reply.outcome == outcome.OK
    assert Share.of_all[0] >= 80_000
    del reply
    assert Share.of_all[0] == 0
