"""Compressed bodies: read in pieces of any size, within bounds; what is not read is named."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.mcp.compressed import PIECE_BYTES_MAX, CompressedError, body
from tests.fakes.doors import packed


class Sink:
    """Takes so many bytes, and then wants no more."""

    def __init__(self, most: int = 1 << 40) -> None:
        self.data, self.most, self.longest = b"", most, 0

    def body(self, chunk: bytes) -> bool:
        self.data += chunk
        self.longest = max(self.longest, len(chunk))
        return len(self.data) >= self.most


@given(
    st.binary(max_size=2_000),
    st.sampled_from(["gzip", "deflate", "deflate without its frame"]),
    st.integers(1, 50),
)
def test_what_was_packed_comes_out_whatever_the_pieces(data: bytes, encoding: str, size: int) -> None:
    """Many send deflate without its frame."""
    reading, sink, sent = body(encoding.partition(" ")[0]), Sink(), packed(data, encoding)
    assert reading is not None
    for place in range(0, len(sent), size):
        reading.feed(sent[place : place + size], sink)
    assert sink.data == data


def test_a_small_body_that_holds_an_endless_one_is_bounded() -> None:
    """In pieces, and no further than the receiver wants."""
    bomb, sink = gzip.compress(bytes(100_000_000), 9), Sink(most=16_000_000)
    reading = body("gzip")
    assert reading is not None
    assert reading.feed(bomb, sink)
    assert sink.longest <= PIECE_BYTES_MAX
    assert len(sink.data) < 16_000_000 + PIECE_BYTES_MAX + 1


@pytest.mark.parametrize(
    ("encoding", "plain"),
    [("", True), ("identity", True), (" Identity ", True), ("GZIP", False), ("x-gzip", False)],
)
def test_names_of_compressions_ignore_case(encoding: str, *, plain: bool) -> None:
    """And the old names are known."""
    assert (body(encoding) is None) is plain


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, br"])
def test_another_compression_is_named(encoding: str) -> None:
    """It would look like garbage."""
    with pytest.raises(CompressedError, match=f"compressed with {encoding}, which is not read here"):
        body(encoding)


@pytest.mark.parametrize("data", [b"this is no gzip", zlib.compress(b"x")])
def test_what_is_not_what_its_head_says_is_told(data: bytes) -> None:
    """No gzip at all, or another compression."""
    reading = body("gzip")
    assert reading is not None
    with pytest.raises(CompressedError, match="not gzip, as its head says"):
        reading.feed(data, Sink())
