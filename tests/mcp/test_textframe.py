"""Whole text frames: written as the protocol has them, read only when there is nothing else to them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from harness.mcp.textframe import LOST, lacking, masked, unmasked
from tests.fakes.wire_frames import frame

SIZES = (0, 1, 125, 126, 65_535, 65_536)


def parsed(data: bytes) -> Frame:
    """By `websockets`, as a server reads it."""
    reader = StreamReader()
    reader.feed_data(data)
    parsing = Frame.parse(reader.read_exact, mask=True)
    try:
        next(parsing)
    except StopIteration as ended:
        found: Frame = ended.value
        return found
    raise AssertionError("the frame is not whole")


@pytest.mark.parametrize("size", SIZES)
def test_a_masked_frame_is_what_a_server_reads(size: int) -> None:
    """Of every form of length."""
    read = parsed(masked(b"x" * size))

    assert (read.opcode, read.fin, bytes(read.data)) == (Opcode.TEXT, True, b"x" * size)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (frame("hello"), b"hello"),
        (frame("x" * 125), b"x" * 125),
        (frame("x" * 126), b"x" * 126),
        (frame("x" * 65_535), b"x" * 65_535),
        (b"\x81\x7f" + (65_536).to_bytes(8) + b"x" * 65_536, None),
        (frame("hello", fin=False), None),
        (frame("hello", 2), None),
        (frame("h\xe9llo"), None),
        (frame("hello") + b"\x81", None),
        (frame("hello")[:-1], None),
        (b"\x81", None),
        (b"", None),
        (b"\x81\x7e\x00\x01x", None),
        (b"\xc1\x01x", None),
        (masked(b"hello"), None),
    ],
    ids=lambda data: f"{len(data)} bytes" if data else None,  # the same in every worker: a mask is drawn
)
def test_a_frame_is_read_only_when_it_is_all_there_is(data: bytes, text: bytes | None) -> None:
    """Final, alone, unmasked, ASCII, of the length it tells in the shortest form."""
    assert unmasked(data) == text


FRAMES = st.lists(
    st.sampled_from([frame(""), frame("ab"), frame("x" * 200), masked(b"abc"), masked(b"y" * 66_000), frame("", 9)]),
    max_size=5,
)  # fmt: skip


@given(FRAMES, st.lists(st.integers(0, 70_000), max_size=4))
def test_where_frames_end_is_known_or_known_to_be_unknown(frames: list[bytes], cuts: list[int]) -> None:
    """However they are cut."""
    data, ends, due = b"".join(frames), {0}, 0
    for one in frames:
        ends.add(max(ends) + len(one))
    edges = sorted({0, len(data), *(min(at, len(data)) for at in cuts)})
    for start, end in pairwise(edges):
        due = lacking(data[start:end], due)
        assert due in {min(at for at in ends if at >= end) - end, LOST}
    assert lacking(data, 0) == 0
