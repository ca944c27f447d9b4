"""The taxonomy without a socket: status, type and body go in, one outcome comes out, however the bytes are cut."""

import json
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import chain, pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.mcp import exchange as exchange_module
from harness.mcp import outcome, sse
from harness.mcp.exchange import Exchange
from harness.mcp.messages import DEPTH_MAX, Reply, Request, parse

OURS = 7
JSON, EVENTS = "application/json", "text/event-stream"
SESSION = (("Mcp-Session-Id", "s1"),)


def request(
    *, session: bool = False, number: int | None = OURS, method: str = "POST", word: bytes = b""
) -> Request:
    return Request(
        "tools/call:x",
        b"{}",
        SESSION if session else (),
        number,
        method,
        word,
        in_session=session,
        names_session=session,
    )


def message(**members: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **members}).encode()


def error(code: int = -32601, **members: Any) -> bytes:
    return message(error={"code": code, "message": "no such thing"}, **members)


def judge(asked: Request, status: int, kind: str, *pieces: bytes, closed: bool = False) -> Reply:
    exchange = Exchange(asked)
    exchange.head(status, kind, None)
    for piece in pieces:
        if exchange.body(piece):
            break
    return exchange.end(closed=closed)


OK = message(id=OURS, result={})
GONE = b'{"jsonrpc":"2.0","error":{"code":-32000,"message":"No valid session ID provided"}}'

# status, content type, body, in a session?, outcome, code, words in the detail
TABLE = [
    (200, JSON, OK, False, outcome.OK, None, ""),
    (200, "application/json; charset=utf-8", OK, False, outcome.OK, None, ""),
    (200, "", OK, False, outcome.OK, None, ""),
    (200, JSON, message(id=OURS, result={"content": [], "isError": False}), False, outcome.OK, None, ""),
    (200, JSON, message(id=OURS, result=["plain"]), False, outcome.OK, None, ""),
    (200, JSON, message(id=OURS, result={}, error=None), False, outcome.OK, None, ""),
    (200, JSON, message(id=OURS, result={"resultType": "complete"}), False, outcome.OK, None, ""),
    # status
    (202, "", b"", False, outcome.HTTP_STATUS, None, "202"),
    (202, JSON, OK, False, outcome.HTTP_STATUS, None, "202"),
    (204, "", b"", False, outcome.HTTP_STATUS, None, "204"),
    (307, "", b"", False, outcome.HTTP_STATUS, None, "307"),
    (401, JSON, b'{"error":"invalid_token"}', False, outcome.UNAUTHORIZED, None, "401"),
    (401, JSON, error(-32001, id=OURS), True, outcome.UNAUTHORIZED, -32001, "401 no such thing"),
    (403, "text/plain", b"no", False, outcome.UNAUTHORIZED, None, "403"),
    (406, "", b"", False, outcome.HTTP_STATUS, None, "406"),
    (413, "text/plain", b"too large", True, outcome.HTTP_STATUS, None, "413"),
    (421, "text/plain", b"Invalid Host header", False, outcome.HTTP_STATUS, None, "421"),
    (502, "text/html", b"<html>", True, outcome.HTTP_STATUS, None, "502"),
    (503, JSON, error(-32603, id=None), True, outcome.HTTP_STATUS, -32603, "503 no such thing"),
    (400, JSON, error(-32700, id=None), False, outcome.HTTP_STATUS, -32700, "400"),
    (400, JSON, error(-32600), False, outcome.HTTP_STATUS, -32600, "400"),
    (400, JSON, error(-32600, id=99999), False, outcome.HTTP_STATUS, -32600, "400"),
    (302, JSON, error(id=OURS), False, outcome.HTTP_STATUS, -32601, "302"),
    (429, "text/plain", b"", False, outcome.RATE_LIMITED, None, "429"),
    (429, JSON, error(id=OURS), True, outcome.RATE_LIMITED, None, "429"),
    # the session
    (404, JSON, error(-32600, id=None), True, outcome.SESSION_LOST, -32600, "404"),
    (404, "text/html", b"<html>", True, outcome.SESSION_LOST, None, "404"),
    (400, JSON, GONE, True, outcome.SESSION_LOST, -32000, "400"),
    (404, JSON, error(-32600, id=None), False, outcome.HTTP_STATUS, -32600, "404"),
    (400, JSON, GONE, False, outcome.HTTP_STATUS, -32000, "400"),
    (400, JSON, message(id=OURS, error={"code": -32602, "message": "bad session_name"}), True, outcome.RPC_ERROR, -32602, ""),
    # our mistakes
    (404, JSON, message(id=OURS, error={"code": -32601, "message": "no such thing", "data": "x"}), False, outcome.RPC_ERROR, -32601, "no such thing"),
    (200, JSON, message(id=OURS, error={"code": -32601, "message": "no such thing", "data": {"x": 1}}), False, outcome.RPC_ERROR, -32601, "no such thing"),
    (400, JSON, error(-32020, id=OURS), False, outcome.REJECTED, -32020, ""),
    (400, JSON, error(-32021, id=None), False, outcome.REJECTED, -32021, ""),
    (400, JSON, error(-32022, id=OURS), False, outcome.REJECTED, -32022, ""),
    (200, JSON, error(-32020, id=OURS), False, outcome.RPC_ERROR, -32020, ""),
    # JSON and JSON-RPC
    (200, JSON, b"", False, outcome.BAD_BODY, None, "empty"),
    (200, JSON, b"  \n", False, outcome.BAD_BODY, None, "empty"),
    (200, JSON, b"{", False, outcome.BAD_BODY, None, "not JSON-RPC"),
    (200, "text/html", b"<html></html>", False, outcome.BAD_BODY, None, "text/html"),
    (200, JSON, b"[" + OK + b"]", False, outcome.BAD_BODY, None, ""),
    (200, JSON, b'"ok"', False, outcome.BAD_BODY, None, ""),
    (200, JSON, b'{"hello":"world"}', False, outcome.BAD_BODY, None, "neither"),
    (200, JSON, message(id=OURS), False, outcome.BAD_BODY, None, "neither"),
    (200, JSON, message(id=OURS, error=None), False, outcome.BAD_BODY, None, "neither"),
    (200, JSON, message(id=OURS, error="text"), False, outcome.BAD_BODY, None, ""),
    (200, JSON, b'{"jsonrpc":"1.0","id":7,"result":{}}', False, outcome.BAD_BODY, None, ""),
    (200, JSON, b'{"id":7,"result":{}}', False, outcome.BAD_BODY, None, ""),
    (200, JSON, message(id=OURS, method="ping"), False, outcome.BAD_BODY, None, "no response"),
    (200, JSON, b'{"jsonrpc":"2.0","id":7,"result":{"a":"\xff"}}', False, outcome.BAD_BODY, None, ""),
    (200, JSON, b'{"jsonrpc":"2.0","id":7,"result":' + b"[" * 100_000, False, outcome.BAD_BODY, None, ""),
    # the id
    (200, JSON, message(id=99999, result={}), False, outcome.ID_MISMATCH, None, ""),
    (200, JSON, message(id="7", result={}), False, outcome.ID_MISMATCH, None, ""),
    (200, JSON, b'{"jsonrpc":"2.0","id":7.0,"result":{}}', False, outcome.ID_MISMATCH, None, ""),
    (200, JSON, message(id=True, result={}), False, outcome.ID_MISMATCH, None, ""),
    (200, JSON, message(id=None, result={}), False, outcome.ID_MISMATCH, None, ""),
    (200, JSON, message(result={}), False, outcome.ID_MISMATCH, None, ""),
    (200, JSON, error(-32700, id=None), False, outcome.ID_MISMATCH, None, "an error without an id"),
    # error
    (200, JSON, error(-32602, id=OURS), False, outcome.RPC_ERROR, -32602, "no such thing"),
    (404, JSON, error(-32601, id=OURS), False, outcome.RPC_ERROR, -32601, ""),
    (400, JSON, error(-32602, id=OURS), False, outcome.RPC_ERROR, -32602, ""),
    (200, JSON, error(10**12, id=OURS), False, outcome.RPC_ERROR, 2**31 - 1, ""),
    # isError, resultType
    (200, JSON, message(id=OURS, result={"isError": True, "content": [{"text": "a\nb\x1b[1m"}]}), False, outcome.TOOL_ERROR, None, "a b [1m"),
    (200, JSON, message(id=OURS, result={"isError": True}), False, outcome.TOOL_ERROR, None, ""),
    (200, JSON, message(id=OURS, result={"resultType": "input_required"}), False, outcome.INPUT_REQUIRED, None, ""),
]  # fmt: skip


@pytest.mark.parametrize(("status", "kind", "body", "session", "expected", "code", "words"), TABLE)
def test_a_reply_has_one_outcome(
    status: int, kind: str, body: bytes, session: bool, expected: str, code: int | None, words: str
) -> None:
    """Decided in the order of the wire; status and code are kept whatever it is."""
    reply = judge(request(session=session), status, kind, body)

    assert (reply.outcome, reply.code, reply.status) == (expected, code, status), reply
    assert words in reply.detail
    assert len(reply.detail) <= 120
    assert reply.detail.isprintable()


def data(*bodies: bytes) -> bytes:
    return b"".join(b"event: message\r\ndata: " + body + b"\r\n\r\n" for body in bodies)


NOTE = message(method="notifications/progress")
ASK = message(id=OURS, method="elicitation/create")

STREAMS = [
    (data(OK), outcome.OK),
    (b"id: 3f30\ndata: \n\n" + data(OK), outcome.OK),
    (b": ping\r\n\r\n" + data(NOTE, ASK, OK), outcome.OK),
    (b"event: ping\ndata: now\n\n" + data(OK), outcome.OK),
    (data(OK, b"{"), outcome.OK),
    (data(error(id=OURS)), outcome.RPC_ERROR),
    (data(message(id=8, result={}), OK), outcome.ID_MISMATCH),
    (data(b"{", OK), outcome.BAD_BODY),
    (data(NOTE), outcome.STREAM_ENDED),
    (b"", outcome.STREAM_ENDED),
    (data(OK)[:-2], outcome.STREAM_ENDED),
]


@pytest.mark.parametrize(("stream", "expected"), STREAMS)
def test_a_stream_is_judged_by_its_first_response(stream: bytes, expected: str) -> None:
    """Messages with a method are none, whatever their id."""
    assert judge(request(), 200, EVENTS, stream).outcome == expected


def test_requests_of_the_server_are_handed_out_and_notifications_are_not() -> None:
    """So that a transport can answer them; not more than it should."""
    exchange = Exchange(request())
    exchange.head(200, "Text/Event-Stream; charset=utf-8", "s2")

    assert not exchange.body(data(NOTE, ASK, message(id=None, method="x")))
    assert [asked.method for asked in exchange.asked] == ["elicitation/create"]
    exchange.body(data(*[ASK] * 1000))
    assert len(exchange.asked) == exchange_module.ASKED_MAX
    assert exchange.body(data(OK))
    assert exchange.done
    assert exchange.body(b"more")
    assert exchange.end().session_id == "s2"


@pytest.mark.parametrize(
    ("kind", "body", "closed", "expected"),
    [
        (JSON, OK, True, outcome.OK),
        (JSON, OK[:-3], True, outcome.TRUNCATED),
        (JSON, OK[:-3], False, outcome.BAD_BODY),
        (EVENTS, data(OK)[:-9], True, outcome.TRUNCATED),
        (EVENTS, data(NOTE), True, outcome.STREAM_ENDED),
    ],
)
def test_a_body_that_only_closing_ends_may_have_been_cut(
    kind: str, body: bytes, closed: bool, expected: str
) -> None:
    """Nothing else says whether it was whole."""
    assert judge(request(), 200, kind, body, closed=closed).outcome == expected


@pytest.mark.parametrize(
    ("method", "status", "body", "session", "expected"),
    [
        ("POST", 202, b"", True, outcome.OK),
        ("POST", 200, b"anything", True, outcome.OK),
        ("POST", 204, b"", True, outcome.OK),
        ("POST", 404, b"", True, outcome.SESSION_LOST),
        ("POST", 404, b"", False, outcome.HTTP_STATUS),
        ("POST", 429, b"", True, outcome.RATE_LIMITED),
        ("POST", 500, b"", True, outcome.HTTP_STATUS),
        ("POST", 307, b"", True, outcome.HTTP_STATUS),
        ("DELETE", 200, b"", True, outcome.OK),
        ("DELETE", 204, b"", True, outcome.OK),
        ("DELETE", 404, b"", True, outcome.OK),
        ("DELETE", 405, b"", True, outcome.OK),
        ("DELETE", 503, b"", True, outcome.HTTP_STATUS),
        ("GET", 200, b'{"status":"healthy"}', False, outcome.OK),
        ("GET", 200, b'{"status":"ill"}', False, outcome.BAD_BODY),
        ("GET", 404, b"", False, outcome.HTTP_STATUS),
        ("GET", 204, b"", False, outcome.HTTP_STATUS),
        ("GET", 429, b"", False, outcome.RATE_LIMITED),
        ("GET", 503, b'{"status":"healthy"}', False, outcome.HTTP_STATUS),
    ],
)
def test_without_an_id_a_status_will_do(
    method: str, status: int, body: bytes, session: bool, expected: str
) -> None:
    """Notifications, goodbyes, and a look at /health, which must say a word."""
    word = b"healthy" if method == "GET" else b""
    asked = request(session=session, number=None, method=method, word=word)

    assert judge(asked, status, JSON, body).outcome == expected


def test_what_the_transport_says_counts_until_an_outcome_is_known() -> None:
    """And not a moment longer."""
    early, late = Exchange(request()), Exchange(request())
    late.head(200, EVENTS, None)
    late.body(data(OK))

    assert early.fail(outcome.RESET, "reset by peer").outcome == outcome.RESET
    assert not early.got_head
    assert late.fail(outcome.TRUNCATED, "cut").outcome == outcome.OK
    assert late.got_head


@pytest.mark.parametrize("kind", [JSON, EVENTS])
def test_bodies_and_streams_are_bounded(kind: str) -> None:
    """A bad body, long before the memory is full."""
    exchange = Exchange(request())
    exchange.head(200, kind, None)
    piece = b"data: " + b"x" * 1_000_000
    taken = next(count for count in range(1, 1000) if exchange.body(piece))

    assert taken <= 17
    assert exchange.end().outcome == outcome.BAD_BODY


def pairs() -> Iterator[bytes]:
    """Forty kilobytes, two bytes at a time."""
    return (bytes([120, 97 + number % 26]) for number in range(20_000))


@pytest.mark.parametrize(
    ("kind", "pieces"),
    [
        (JSON, pairs),
        (EVENTS, lambda: (b"data: %b\n" % piece for piece in pairs())),
        (EVENTS, lambda: chain([b"data: "], pairs())),
        (EVENTS, lambda: chain([b"id: "], pairs(), [b"\nevent: "], pairs(), [b"\n"])),
    ],
    ids=["body", "lines", "a line", "fields"],
)
def test_what_is_held_is_as_large_as_what_has_come(kind: str, pieces: Callable[[], Iterator[bytes]]) -> None:
    """However small the pieces are, of which each would be an object of forty bytes."""
    exchange = Exchange(request())
    exchange.head(200, kind, None)
    tracemalloc.start()
    for piece in pieces():
        exchange.body(piece)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert not exchange.done
    assert held < 200_000


@pytest.mark.parametrize(
    "reply",
    [
        '{"jsonrpc":"2.0","id":7,"result":{"isError":true,"content":[MANY]}}',
        '{"jsonrpc":"2.0","id":7,"result":{"isError":[MANY]}}',
        '{"jsonrpc":"2.0","id":7,"result":{"resultType":[MANY]}}',
        '{"jsonrpc":"2.0","id":[MANY],"result":{}}',
        '{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":[MANY]}}',
    ],
)
def test_what_is_large_on_the_wire_is_not_larger_in_memory(reply: str) -> None:
    """An empty list is two bytes there, and fifty-six here: it is decoded only where it is small."""
    body = reply.replace("MANY", ",".join(["[]"] * 500_000)).encode()
    exchange = Exchange(request())
    exchange.head(200, JSON, None)
    exchange.body(body)
    tracemalloc.start()
    exchange.end()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 2_000_000


def test_lines_without_data_are_counted_too() -> None:
    """A thousand of them are more than nothing."""
    parser = sse.Parser(1_000)
    with pytest.raises(sse.TooLargeError):
        list(parser.feed(b"data:\n" * 1_001))


@pytest.mark.thorough
def test_a_stream_of_small_events_is_bounded_as_a_whole() -> None:
    """Notifications for ever are no answer."""
    exchange = Exchange(request())
    exchange.head(200, EVENTS, None)
    piece = data(NOTE) * 20_000
    taken = next(count for count in range(1, 1000) if exchange.body(piece))

    assert taken * len(piece) <= exchange_module.STREAM_BYTES_MAX + len(piece)
    assert exchange.end().outcome == outcome.BAD_BODY


BODIES = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([body for body, _ in STREAMS] + [row[2] for row in TABLE if len(row[2]) < 500]),
    st.lists(st.sampled_from([data(OK), data(NOTE), data(ASK), b"\r", b"\n", b"data: {\n", b":", b"\xef\xbb\xbf", b"event: x\n"])).map(b"".join),
)  # fmt: skip
CUTS = st.lists(st.integers(0, 300), max_size=12)


def cut(body: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(at, len(body)) for at in cuts), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


@given(BODIES, CUTS, st.sampled_from([200, 202, 400, 404, 429, 503]), st.sampled_from([JSON, EVENTS, "text/html", ""]), st.booleans(), st.booleans())  # fmt: skip
@example(b"\r\n\xef\xbb\xbf" + data(OK), [1], 200, EVENTS, False, False)
@example(b"data: x\r\n\r\n" + data(OK), [8, 9], 200, EVENTS, False, False)
def test_any_bytes_cut_anywhere_have_one_outcome_of_the_taxonomy(
    body: bytes, cuts: list[int], status: int, kind: str, session: bool, closed: bool
) -> None:
    """Nothing crashes it, and the network's pieces make no difference."""
    asked = request(session=session)
    whole = judge(asked, status, kind, body, closed=closed)
    pieces = judge(asked, status, kind, *cut(body, cuts), closed=closed)

    assert whole.outcome in outcome.ALL
    assert (whole.outcome, whole.detail, whole.code) == (pieces.outcome, pieces.detail, pieces.code)
    assert whole.value() == pieces.value()


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | JSONS,
        "id": st.just(OURS) | JSONS,
        "method": st.text(max_size=5) | JSONS,
        "result": st.fixed_dictionaries({}, optional={"isError": JSONS, "resultType": JSONS, "content": JSONS}) | JSONS,
        "error": st.fixed_dictionaries({}, optional={"code": st.integers() | JSONS, "message": JSONS, "data": JSONS}) | JSONS,
        "params": JSONS,
    },
)  # fmt: skip


@pytest.mark.parametrize("more", [None, "text", 5, 1.5, True, [1], {"supported": ["x"]}], ids=repr)
@pytest.mark.parametrize("status", [200, 400])
def test_what_an_error_brings_along_does_not_change_what_it_is(more: object, status: int) -> None:
    """Servers put texts, lists and objects there; what is an object can be read."""
    body = message(id=OURS, error={"code": -32022, "message": "no", "data": more})
    reply = judge(request(), status, JSON, body)

    assert (reply.outcome, reply.code) == (outcome.REJECTED if status == 400 else outcome.RPC_ERROR, -32022)
    assert reply.error_data() == (more if isinstance(more, dict) and status == 400 else {})


@given(MEMBERS, st.sampled_from([200, 400, 404]), st.booleans(), st.booleans())
def test_any_json_has_one_outcome_of_the_taxonomy(
    members: dict[str, Any], status: int, session: bool, in_stream: bool
) -> None:
    """Whatever types its members are of; codes fit a row, details a line."""
    body = json.dumps(members).encode()
    kind, body = (EVENTS, data(body)) if in_stream else (JSON, body)
    reply = judge(request(session=session), status, kind, body)

    assert reply.outcome in outcome.ALL
    assert reply.code is None or -(2**31) <= reply.code < 2**31
    assert reply.detail.isprintable()
    reply.value()
    if reply.outcome == outcome.OK:
        assert members["id"] == OURS
        assert "result" in members


def test_the_parser_s_bound_is_its_own() -> None:
    """A line without an end grows to the limit and no further."""
    parser = sse.Parser(1000)
    assert [found for _ in range(1000) for found in parser.feed(b"x")] == []
    with pytest.raises(sse.TooLargeError):
        list(parser.feed(b"x"))


DEEP = [
    b'"result":%b',
    b'"result":{"isError":%b}',
    b'"result":{"isError":true,"content":%b}',
    b'"error":{"code":1,"message":%b}',
    b'"error":{"code":-32022,"data":%b}',
]


@pytest.mark.parametrize("members", DEEP)
@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_nested_to_any_depth_has_an_outcome_and_what_is_too_deep_is_none(
    members: bytes, status: int
) -> None:
    """Somewhere near a thousand levels Python ends; whoever judges stands deeper than whoever reads."""
    for depth in (150, 300, *range(940, 1000), 100_000):
        deep = b"[" * depth + b"]" * depth
        reply = judge(request(), status, JSON, b'{"jsonrpc":"2.0","id":%d,%b}' % (OURS, members % deep))

        assert reply.outcome in outcome.ALL
        reply.value()
        if depth > DEPTH_MAX:
            assert reply.error_data() == reply.mapping() == {}
            assert reply.outcome == (outcome.BAD_BODY if status == 200 else outcome.HTTP_STATUS)


def test_brackets_in_a_text_are_no_depth() -> None:
    """Nor are many of them beside each other."""
    for value in (b'"%b"' % (b"[" * 300), b'"\\"%b"' % (b"[" * 300), b"[%b[]]" % (b"[]," * 300)):
        reply = judge(request(), 200, JSON, b'{"jsonrpc":"2.0","id":%d,"result":%b}' % (OURS, value))

        assert reply.value() is not None


@pytest.mark.parametrize("id_", [b"[[1]]", b'{"a":1}', b"null", b"true", b"1.5"])
def test_a_question_is_answered_when_its_id_is_a_text_or_a_number(id_: bytes) -> None:
    """Any other is no JSON-RPC, and would be repeated however deep it is."""
    message = parse(b'{"jsonrpc":"2.0","id":%b,"method":"ping"}' % id_)

    assert (message is not None and message.asks) == (id_ in {b"1.5", b"true"})
