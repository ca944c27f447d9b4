"""Heads of requests, as far as a balancer reads them."""

import pytest

from harness.services.balancer.request_head import RequestHeadError, parse

HEAD = b"POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nMcp-Session-Id: abc\r\n\r\nhello"


def test_a_head_says_where_the_body_ends_and_whose_session_it_is() -> None:
    head = parse(HEAD)
    assert head is not None
    assert (head.method, head.session, head.whole_bytes, head.upgrades) == (b"POST", "abc", len(HEAD), False)


@pytest.mark.parametrize("cut", range(HEAD.index(b"\r\n\r\n") + 4))
def test_a_part_of_a_head_is_none_yet(cut: int) -> None:
    assert parse(HEAD[:cut]) is None


def test_a_body_in_chunks_has_no_length() -> None:
    head = parse(b"POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n")
    assert head is not None
    assert head.whole_bytes is None


def test_messages_of_http_sse_have_their_session_in_the_address() -> None:
    head = parse(b"POST /messages/?session_id=12ab HTTP/1.1\r\n\r\n")
    assert head is not None
    assert head.session == "12ab"


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/2\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 9999999999999999\r\n\r\n",
        b"a" * 65_537,
    ],
)
def test_what_is_no_head_is_refused(data: bytes) -> None:
    with pytest.raises(RequestHeadError):
        parse(data)
