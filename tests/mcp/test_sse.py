"""Server-sent events: the standard's line endings, in any pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.mcp.sse import Parser

TABLE = [
    (b"data: a\n\n", [b"a"]),
    (b"data: a\r\r", [b"a"]),
    (b"data: a\r\n\r\n", [b"a"]),
    (b"data:a\n\ndata:  b\n\n", [b"a", b" b"]),
    (b"data: a\ndata: b\n\n", [b"a\nb"]),
    (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
    (b"\n\xef\xbb\xbfdata: a\n\n", []),
    (b": comment\n\ndata: a\n\n", [b"a"]),
    (b"id: 1\ndata: \n\ndata: a\n\n", [b"a"]),
    (b"data\n\ndata: a\n\n", [b"a"]),
    (b"event: message\ndata: a\n\nevent: ping\ndata: b\n\ndata: c\n\n", [b"a", b"c"]),
    (b"dataset: a\nDATA: b\n\n", []),
    (b"data: \xe2\x80\xa8\x85\x0b\x0c\x1c a\n\n", [b"\xe2\x80\xa8\x85\x0b\x0c\x1c a"]),
    (b"data: cut off", []),
    (b"data: cut off\n", []),
    (b"", []),
]


@pytest.mark.parametrize(("stream", "expected"), TABLE)
def test_whole_messages_and_nothing_else(stream: bytes, expected: list[bytes]) -> None:
    """In one piece and byte by byte."""
    whole, single = Parser(1000), Parser(1000)

    assert list(whole.feed(stream)) == expected
    assert [found for byte in stream for found in single.feed(bytes([byte]))] == expected


PIECES = st.lists(
    st.sampled_from(
        [b"data: a", b"data:", b"event: x", b"\r", b"\n", b"\r\n", b"\xef\xbb\xbf", b"\xef", b":", b"d"]
    ),
    max_size=20,
)


@given(PIECES, PIECES)
def test_where_it_is_cut_makes_no_difference(before: list[bytes], after: list[bytes]) -> None:
    """Not in a line ending, nor in a byte-order mark."""
    pieces = [*before, *after]
    whole, cut, halves = Parser(10_000), Parser(10_000), Parser(10_000)
    expected = list(whole.feed(b"".join(pieces)))

    assert [found for piece in pieces for found in cut.feed(piece)] == expected
    assert [*halves.feed(b"".join(before)), *halves.feed(b"".join(after))] == expected
    assert whole.inside_event == cut.inside_event == halves.inside_event
