"""Spools from other machines: over any channel, the bytes that arrive are the bytes that were written, in order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.run_directory.spool_shipping import CHUNK_BYTES, RESEND_NS, WINDOW_BYTES, Inbox, Outbox

WRITES = st.lists(st.binary(min_size=1, max_size=3 * CHUNK_BYTES), max_size=6)


@settings(max_examples=60, deadline=None)
@given(WRITES, st.randoms(use_true_random=False), st.floats(0, 0.7))
def test_a_channel_that_loses_doubles_and_shuffles_changes_nothing(
    writes: list[bytes], rng: object, loses: float
) -> None:
    """And no more is on its way than the window allows."""
    outbox, inbox, written, now_ns = Outbox(), Inbox(), b"", 0
    todo = list(writes)
    for _ in range(2000):
        if todo:
            outbox.write(todo.pop(0))
        chunks = outbox.due(now_ns)
        assert all(len(chunk) <= CHUNK_BYTES for _, chunk in chunks)
        assert sum(len(chunk) for _, chunk in chunks) <= WINDOW_BYTES
        arriving = [chunk for chunk in chunks for _ in range(rng.choice([1, 2])) if rng.random() >= loses]  # type: ignore[attr-defined]
        rng.shuffle(arriving)  # type: ignore[attr-defined]
        for offset, chunk in arriving:
            written += inbox.take(offset, chunk)
            if rng.random() >= loses:  # type: ignore[attr-defined]
                outbox.acknowledged(inbox.next, now_ns)
        now_ns += RESEND_NS // 2
        if outbox.is_empty and not todo:
            break

    assert written == b"".join(writes)
    assert outbox.is_empty


def test_nothing_is_sent_again_before_its_time() -> None:
    """Sent, waited for, and after three seconds sent once more."""
    outbox = Outbox()
    outbox.write(b"rows")

    assert [outbox.due(now_ns) for now_ns in (0, 1, RESEND_NS - 1, RESEND_NS, RESEND_NS + 1)] == [
        [(0, b"rows")],
        [],
        [],
        [(0, b"rows")],
        [],
    ]


def test_a_master_that_takes_nothing_is_an_error_and_not_a_full_memory() -> None:
    """The recorder latches it; what was taken in before is still sent, the rest is refused whole."""
    outbox = Outbox(limit_bytes=10)
    outbox.write(b"12345678")

    with pytest.raises(OSError, match="8 bytes of rows wait"):
        outbox.write(b"123")
    assert outbox.due(0) == [(0, b"12345678")]
    outbox.close()
    assert not outbox.is_empty


@pytest.mark.parametrize("offset", [-1, 0, 5])
def test_an_acknowledgement_of_what_is_not_held_is_nothing_new(offset: int) -> None:
    """An old one that comes late, or one of something that was never sent."""
    outbox = Outbox()
    outbox.write(b"rows")
    outbox.acknowledged(offset, 0)

    assert outbox.due(0) == [(0, b"rows")]
