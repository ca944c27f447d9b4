"""The short way for responses of a known kind gives what the long way gives, whatever the bytes are."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.load.inside.transport.incoming import Incoming
from harness.load.inside.transport.response_heads import HEADS_MAX, KnownHeads
from harness.mcp.exchange import Exchange
from harness.mcp.messages import Reply, Request

ASKED = Request("tools/call:x", b"", (("Mcp-Session-Id", "s"),), 7, in_session=True)
RESULT = '{"jsonrpc":"2.0","id":7,"result":{"content":[],"isError":false}}'

LINES = st.sampled_from(
    [
        "Content-Type: application/json", "content-type: text/event-stream", "Content-Type: text/html",
        "Date: Sat, 21 Nov 2026 10:00:00 GMT", "mcp-session-id: s1", "Mcp-Session-Id: s2", "Connection: close",
        "Transfer-Encoding: chunked", "Content-Length: 3", "X: \xe9", "no header at all", "Connection: keep-alive",
    ]
)  # fmt: skip
BODIES = st.sampled_from(
    [
        RESULT, RESULT.replace("false", "true"), RESULT.replace("7", "8"), RESULT.replace("7", '"7"'),
        '{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"no"}}', '{"jsonrpc":"2.0","id":7,"method":"x"}',
        '{"jsonrpc":"2.0","id":7,"result":{"text":"\xe9"}}', '{"jsonrpc":"2.0","id":7}', "[]", "<html>", "", "\xff",
        RESULT + "\r\n\r\n", "40\r\n" + RESULT + "\r\n0\r\n\r\n", RESULT.replace("{}", '{"resultType":"input_required"}'),
    ]
)  # fmt: skip
STARTS = st.sampled_from(
    [*["HTTP/1.1 200 OK"] * 8, "HTTP/1.0 200 OK", "HTTP/1.1 404 Not Found", "HTTP/1.1 204 No", "ICY 200 OK"]
)


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    """Mostly right, with the length that belongs to it."""
    body = draw(BODIES)
    lines = [draw(STARTS), *draw(st.lists(LINES, max_size=3))]
    if draw(st.integers(0, 9)):
        lines.append(f"Content-Length: {len(body) + draw(st.sampled_from([0] * 9 + [1, -1]))}")
    end = draw(st.sampled_from(["\r\n"] * 9 + ["\n"]))
    return (end.join(lines) + end + end + body + draw(st.sampled_from([""] * 9 + [" ", "\r\n"]))).encode(
        "latin-1"
    )


def long_way(data: bytes) -> tuple[Reply | None, bool]:
    """The outcome, and whether the connection would be used again."""
    incoming = Incoming()
    incoming.begin(Exchange(ASKED))
    incoming.feed(data)
    return incoming.exchange.reply, incoming.complete and incoming.keep_alive


@settings(max_examples=200)
@given(responses(), responses())
@example(b"HTTP/1.1 200 OK\nContent-Length: 70\n\n{\r\n\r\n" + RESULT.encode(), b"")
def test_the_short_way_gives_what_the_long_way_gives(learnt: bytes, data: bytes) -> None:
    """After learning from one response, of the same one and of any other."""
    known = KnownHeads()
    known.learn(learnt)
    known.learn(learnt)

    for one in (learnt, data):
        short = known.judge(ASKED, one)
        assert short is None or (short, True) == long_way(one)


def test_a_head_of_many_kilobytes_is_not_kept() -> None:
    """A thousand of them are kept, for all connections."""
    known, data = KnownHeads(), whole("X: " + "x" * 5_000)
    for _ in range(3):
        known.learn(data)

    assert known.judge(ASKED, data) is None


def whole(*more: str, body: str = RESULT) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *more, "", body]).encode()


def test_a_head_is_known_when_it_has_come_twice() -> None:
    """Once is not worth a second look."""
    known, data = KnownHeads(), whole("mcp-session-id: s9")
    ways = []
    for _ in range(3):
        ways.append(known.judge(ASKED, data))
        known.learn(data)

    assert ways[:2] == [None, None]
    assert ways[2] == long_way(data)[0]
    assert ways[2] is not None
    assert ways[2].session_id == "s9"


@pytest.mark.parametrize(
    "data", [whole("Connection: close"), whole("Content-Type: Text/Event-Stream"), whole(body="<html>")]
)
def test_what_is_not_of_the_kind_goes_the_long_way(data: bytes) -> None:
    """However often it comes."""
    known = KnownHeads()
    for _ in range(3):
        known.learn(data)

    assert known.judge(ASKED, data) is None


def test_a_request_without_an_id_goes_the_long_way() -> None:
    """A notification is answered by a status."""
    known = KnownHeads()
    for _ in range(2):
        known.learn(whole())

    assert known.judge(ASKED, whole()) is not None
    assert known.judge(Request("n", b"", (), None), whole()) is None


def test_the_number_of_heads_is_bounded() -> None:
    """A server may put something new into every one of them."""
    known = KnownHeads()
    for number in range(HEADS_MAX * 2 + 5):
        known.learn(whole(f"X-Request-Id: {number}"))

    assert len(known.by_bytes) <= HEADS_MAX
