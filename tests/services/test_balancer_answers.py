"""Replies as a balancer reads them: where they end, and which session they open, end or do not know."""

import httptools
import pytest

from harness.services.balancer.answers import Answer
from harness.services.balancer.request_head import parse
from harness.services.balancer.routing import Balance, LostSessions, Member, Router

A = Member("a", "127.0.0.1", 1)


def answer(request: bytes, reply: bytes, router: Router) -> Answer:
    head = parse(request)
    assert head is not None
    one = Answer(head, A, router)
    for at in range(len(reply)):
        one.feed(reply[at : at + 1])
    return one


@pytest.fixture
def router() -> Router:
    return Router([A, Member("b", "127.0.0.1", 2)], Balance.SESSION)


def test_a_reply_without_a_body_ends_with_its_head(router: Router) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    assert answer(b"HEAD / HTTP/1.1\r\n\r\n", reply, router).complete
    assert not answer(b"GET / HTTP/1.1\r\n\r\n", reply, router).complete


def test_an_interim_reply_is_not_the_end(router: Router) -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\n"
    one = answer(b"POST / HTTP/1.1\r\n\r\n", early, router)
    assert not one.complete
    for byte in b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n":
        one.feed(bytes([byte]))
    assert (one.complete, one.keeps_alive) == (True, False)


def test_the_first_event_of_http_sse_names_the_session(router: Router) -> None:
    """In pieces of one byte; the stream has no end of its own."""
    reply = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        b"event: endpoint\ndata: /messages?session_id=s1 \n\n"
    )
    assert answer(b"GET /sse HTTP/1.1\r\n\r\n", reply, router).has_no_end
    assert A.sessions >= 1
    assert router.choose("s1", "10.0.0.1", None)[0] is A


def test_a_stream_that_names_no_session_is_not_kept(router: Router) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + b"x" * 5_000
    one = answer(b"POST /mcp HTTP/1.1\r\n\r\n", reply, router)
    assert (one.has_no_end, one._stream) == (False, None)


def test_a_session_that_its_client_ended_is_not_lost(router: Router) -> None:
    request = b"%b / HTTP/1.1\r\nMcp-Session-Id: s2\r\n\r\n"
    answer(
        b"POST / HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nMcp-Session-Id: s2\r\nContent-Length: 0\r\n\r\n",
        router,
    )
    answer(request % b"DELETE", b"HTTP/1.1 204 No Content\r\n\r\n", router)
    answer(request % b"POST", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", router)
    assert router.lost == LostSessions()


def test_what_is_no_http_is_an_error(router: Router) -> None:
    with pytest.raises(httptools.HttpParserError):
        answer(b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n", router)
