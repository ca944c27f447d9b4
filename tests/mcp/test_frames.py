"""A WebSocket's frames without a socket: any bytes, cut anywhere, have one outcome."""

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from harness.mcp import outcome
from harness.mcp.frames import Frames
from harness.mcp.messages import Reply, Request
from harness.mcp.textframe import LOST
from tests.fakes.wire_frames import NOTE, accepted, frame

OURS = 7
ASK = Request("tools/call:x", b'{"jsonrpc":"2.0","id":7,"method":"tools/call"}', (), OURS)


def opened() -> Frames:
    frames = Frames("ws://127.0.0.1:1/mcp/ws", (("X-Token", "t"),))
    frames.receive(accepted(frames.hello()))
    assert frames.opened
    return frames


def judge(*pieces: bytes) -> Reply:
    frames = opened()
    frames.send(ASK)
    for piece in pieces:
        if frames.reply is None:
            frames.receive(piece)
    return frames.ended()


def judge_and_answer(body: bytes, cuts: list[int], *, long_way: bool) -> tuple[Reply, bytes]:
    """The outcome and what was sent meanwhile, masks aside; every frame through `websockets`, or only where needed."""
    frames, said = opened(), []
    if long_way:
        frames._due = LOST
    frames.send(ASK)
    for start, end in pairwise([0, *sorted(min(at, len(body)) for at in cuts), len(body)]):
        if end > start and frames.reply is None:
            said.append(frames.receive(body[start:end]))
    return frames.ended(), b" ".join(b"%d" % len(one) for one in said if one)


def answer(number: object = OURS) -> bytes:
    return frame(f'{{"jsonrpc":"2.0","id":{number},"result":{{}}}}')


BITS = [
    answer(),
    answer(6),
    answer(8),
    NOTE,
    frame("{"),
    frame("{", fin=False),
    frame(b"", 9),
    b"\x81",
    b"\xff",
]
BODIES = st.lists(st.sampled_from(BITS), max_size=6).map(b"".join) | st.binary(max_size=60)


@given(BODIES, st.lists(st.integers(0, 200), max_size=8))
@example(NOTE + answer() + b"\xff\xff", [3])
@example(answer() + frame(b"\x03\xe8", 8), [])
def test_any_bytes_cut_anywhere_have_one_outcome_of_the_taxonomy(body: bytes, cuts: list[int]) -> None:
    """What came before a breach of the protocol counts, in however many pieces."""
    edges = [0, *sorted(min(at, len(body)) for at in cuts), len(body)]
    pieces = [body[start:end] for start, end in pairwise(edges) if end > start]
    whole, cut = judge(*([body] if body else [])), judge(*pieces)

    assert whole.outcome in outcome.ALL
    assert (whole.outcome, whole.detail) == (cut.outcome, cut.detail)


@given(st.binary(max_size=200))
def test_any_answer_to_the_opening_has_one_outcome(data: bytes) -> None:
    """No reply, no crash, no frame before the 101."""
    frames = Frames("ws://127.0.0.1:1/")
    frames.hello()
    if data:
        frames.receive(data)

    assert not frames.opened
    assert frames.ended().outcome in {outcome.DISCONNECTED, outcome.TRUNCATED, outcome.HTTP_PROTOCOL, outcome.HTTP_STATUS}  # fmt: skip


def test_frames_that_nobody_waited_for_are_judged_by_the_next_call() -> None:
    """A late answer to what was given up is passed over; a goodbye ends the next call at once."""
    frames = opened()
    frames.send(Request("tools/call:x", ASK.body, (), 6))
    frames.fail(outcome.BAD_BODY, "given up")
    frames.receive(answer(6) + NOTE)
    frames.send(ASK)
    assert frames.reply is None
    frames.receive(answer())
    assert frames.reply is not None
    assert frames.reply.outcome == outcome.OK

    frames.receive(frame(b"\x03\xe8", 8))
    assert frames.send(ASK) == b""
    assert frames.reply.outcome == outcome.DISCONNECTED
    assert frames.goodbye() == b""


def test_a_notification_is_done_when_it_is_sent() -> None:
    """Nothing comes back for it."""
    frames = opened()
    sent = frames.send(Request("notifications/initialized", b"{}", (), None))

    assert sent
    assert frames.reply == Reply(outcome.OK, status=101)


def test_a_polite_client_says_goodbye_once() -> None:
    """With a close frame."""
    frames = opened()

    assert frames.goodbye()[0] == 0x88
    assert frames.goodbye() == b""


ASKS = frame('{"jsonrpc":"2.0","id":7,"method":"ping"}')
ODD = [
    frame('{"jsonrpc":"2.0","id":7,"result":{"text":"é"}}'),
    frame(b'{"jsonrpc":"2.0","id":7,"result":{"text":"\xff"}}'),
    frame('{"jsonrpc":"2.0","id":7,"result":{"text":"' + "x" * 300 + '"}}'),
    frame("\r\n\r\n"),
    frame("", 8),
    ASKS,
    *BITS,
]


@given(st.lists(st.sampled_from(ODD), max_size=4).map(b"".join), st.lists(st.integers(0, 400), max_size=4))
@example(ASKS + NOTE + answer(), [])
@example(answer(), [1])
def test_the_short_way_of_a_frame_gives_what_the_long_way_gives(body: bytes, cuts: list[int]) -> None:
    """Outcome and answers, for frames that arrive alone, together or in pieces."""
    assert judge_and_answer(body, cuts, long_way=False) == judge_and_answer(body, cuts, long_way=True)


def test_frames_that_come_with_the_opening_take_the_long_way_until_the_end_of_one_is_seen() -> None:
    """Where the head is not alone nobody knows where the next frame begins."""
    frames = Frames("ws://127.0.0.1:1/mcp/ws")
    frames.receive(accepted(frames.hello()) + frame("\r\n\r\n")[:-1])
    frames.send(ASK)

    assert frames._due == LOST
    frames.receive(b"\n" + answer())
    assert frames.reply is not None
