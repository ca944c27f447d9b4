"""A stream that stays open, driven by hand: whatever comes on it, in whatever pieces."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.mcp import outcome
from harness.mcp.messages import Request, answer, parse
from harness.mcp.stream import REFUSAL_BYTES_MAX, Stream

URL = "http://127.0.0.1:8000/sse?a=b"
OURS = 7


def stream(
    *pieces: bytes, status: int = 200, kind: str = "text/event-stream", expected: int | None = OURS
) -> Stream:
    found = Stream(URL, lambda: None)
    found.head(status, kind, None)
    found.expect(expected)
    for piece in pieces:
        found.body(piece)
    return found


def event(data: str, name: str = "message") -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()


ANSWER = event('{"jsonrpc":"2.0","id":7,"result":{}}')
LATE = event('{"jsonrpc":"2.0","id":6,"result":{}}')
PING = event('{"jsonrpc":"2.0","id":7,"method":"ping"}')
NOTE = event('{"jsonrpc":"2.0","method":"notifications/message"}')


def test_a_subscription_is_acknowledged_before_anything_is_told() -> None:
    said = event('{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{}}')

    assert [stream(*pieces).acknowledged for pieces in ((), (NOTE,), (NOTE, said))] == [False, False, True]


@pytest.mark.parametrize(
    ("named", "endpoint"),
    [
        ("/messages/?session_id=f2", "http://127.0.0.1:8000/messages/?session_id=f2"),
        ("message?s=1", "http://127.0.0.1:8000/message?s=1"),
        ("?s=1", "http://127.0.0.1:8000/sse?s=1"),
        ("http://127.0.0.1:8000/x", "http://127.0.0.1:8000/x"),
        ("http://127.0.0.1:8001/x", None),
        ("https://127.0.0.1:8000/x", None),
        ("//elsewhere/x", None),
        ("http://[", None),
        ("/" + "x" * 9_000, None),
    ],
)
def test_the_endpoint_is_on_the_same_server_or_none(named: str, endpoint: str | None) -> None:
    """What is posted may hold secrets."""
    found = stream(event(named, "endpoint"))

    assert found.endpoint == endpoint
    assert (found.ended is None) == (endpoint is not None)
    if found.ended is not None:
        assert found.reply == found.ended
        assert found.ended.outcome == outcome.BAD_BODY


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([ANSWER], outcome.OK),
        ([LATE, NOTE, PING, ANSWER], outcome.OK),
        ([event("{")], outcome.BAD_BODY),
        ([event('{"jsonrpc":"2.0","id":9,"result":{}}')], outcome.ID_MISMATCH),
        ([event('{"jsonrpc":"2.0","id":7,"error":{"code":-32000}}')], outcome.RPC_ERROR),
        ([b"x" * 9_000_000] * 2, outcome.BAD_BODY),
    ],
)
def test_the_call_under_way_is_answered_by_the_first_that_is_for_it(
    pieces: list[bytes], expected: str
) -> None:
    """What was given up is passed over, what the server says and asks too."""
    found = stream(*pieces)

    assert found.reply is not None
    assert found.reply.outcome == expected


def test_what_comes_while_nobody_calls_is_passed_over() -> None:
    """The next call begins with a clean sheet; what is asked is kept, a few of it."""
    found = stream(event("{"), ANSWER, PING * 100, expected=None)

    assert found.reply is None
    assert 1 <= len(found.asked) <= 16
    found.expect(OURS)
    found.body(ANSWER)
    assert found.reply is not None


@pytest.mark.parametrize(
    ("status", "kind", "body", "expected"),
    [
        (404, "text/plain", b"no", outcome.HTTP_STATUS),
        (429, "", b"", outcome.RATE_LIMITED),
        (200, "text/html", b"<html>", outcome.BAD_BODY),
        (200, "text/event-stream", b"", outcome.STREAM_ENDED),
    ],
)
def test_the_end_of_a_stream_is_the_end_of_the_call_under_way(
    status: int, kind: str, body: bytes, expected: str
) -> None:
    """And of every call after that."""
    found = stream(body, status=status, kind=kind)
    ended = found.end()

    assert ended.outcome == expected
    assert found.reply == ended
    found.expect(OURS + 1)
    assert found.reply == ended
    assert found.fail(outcome.TIMEOUT, "too late") == ended


def test_the_first_endpoint_is_the_endpoint() -> None:
    """A server that names one after the other is not followed."""
    found = stream(event("/a", "endpoint"), event("/b", "endpoint"), event("http://elsewhere/", "endpoint"))

    assert (found.endpoint, found.ended) == ("http://127.0.0.1:8000/a", None)


def test_a_refusal_is_read_within_a_bound() -> None:
    """An error page may be as long as it likes."""
    found = stream(*[b"x" * 50_000] * 10, status=500)

    assert len(found._refusal) == REFUSAL_BYTES_MAX


def test_a_stream_is_taken_up_where_it_ended() -> None:
    """The last id wins, each is sent once; without one the same request is made again."""
    request = Request("session/listen", b"", (("Accept", "text/event-stream"),), None, "GET")
    first = stream(b"id: a\nretry: 20\ndata:\n\nid: b\ndata:\n\n")
    again = first.resumption(request)
    twice = stream(b"id: c\n\n").resumption(again)

    assert first.retry_s == 0.02
    assert dict(again.headers)["Last-Event-ID"] == "b"
    assert [value for name, value in twice.headers if name == "Last-Event-ID"] == ["c"]
    assert stream("id: ü\nretry: soon\n\n".encode()).resumption(request) == request


@given(
    st.lists(
        st.sampled_from([ANSWER, LATE, PING, NOTE, b"\r", b"\n", b"data: {\n", b"id: x\n"])
        | st.binary(max_size=30)
    ),
    st.lists(st.integers(0, 300), max_size=8),
    st.sampled_from([200, 404]),
    st.booleans(),
)
def test_any_bytes_cut_anywhere_end_a_call_in_one_outcome(
    parts: list[bytes], cuts: list[int], status: int, closed: bool
) -> None:
    """Nothing crashes it, and the network's pieces make no difference."""
    body = b"".join(parts)
    edges = [0, *sorted(min(at, len(body)) for at in cuts), len(body)]
    whole, pieces = (
        stream(body, status=status),
        stream(*(body[a:b] for a, b in pairwise(edges)), status=status),
    )
    for found in (whole, pieces):
        found.end(closed=closed)

    assert whole.reply is not None
    assert pieces.reply is not None
    assert whole.reply.outcome in outcome.ALL
    assert (whole.reply.outcome, whole.reply.detail) == (pieces.reply.outcome, pieces.reply.detail)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ('"method":"ping"', {"result": {}}),
        ('"method":"roots/list"', {"error": {"code": -32601, "message": "Method not found"}}),
        ('"method":"elicitation/create","params":{"a":1}', {"result": {"got": {"a": 1}}}),
        ('"method":"elicitation/create"', {"result": {"got": {}}}),
        ('"method":"elicitation/create","params":[1]', {"result": {"got": {}}}),
    ],
)
def test_what_a_server_asks_is_answered_by_those_who_can(asked: str, expected: dict[str, object]) -> None:
    """A ping by everybody; the id is the server's own, of any type."""
    message = parse(b'{"jsonrpc":"2.0","id":"s-1",%b}' % asked.encode())
    assert message is not None
    said = json.loads(answer(message, {"elicitation/create": lambda params: {"got": params}}))

    assert said == {"jsonrpc": "2.0", "id": "s-1"} | expected
