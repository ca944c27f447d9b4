"""When a user is ready for its next call."""

from random import Random

import pytest

from harness.load.inside.users.pacing import BACKOFF_S_MAX, Pacing

SECOND = 1_000_000_000


def test_the_intended_start_is_the_end_of_the_call_plus_the_think_time() -> None:
    """What the scheduler adds comes on top of it, and shortens the wait."""
    pacing = Pacing(Random(1), ready_ns=0)
    pacing.done(10 * SECOND, connection_failed=False)

    assert pacing.wait_s(2.0, now_ns=int(10.5 * SECOND)) == pytest.approx(1.5)
    assert pacing.ready_ns == 12 * SECOND
    pacing.done(20 * SECOND, connection_failed=False)
    assert pacing.wait_s(0.0, now_ns=21 * SECOND) == 0.0
    assert pacing.ready_ns == 20 * SECOND


def test_a_failing_connection_is_left_alone_for_longer_and_longer() -> None:
    """0.1 s doubling to 5 s, each between half and the whole of it; one success starts over."""
    pacing = Pacing(Random(1), ready_ns=0)
    steps = []
    for _ in range(9):
        pacing.done(0, connection_failed=True)
        steps.append(pacing.backoff_s)
        assert pacing.backoff_s / 2 <= pacing.wait_s(0.0, now_ns=0) <= pacing.backoff_s
    pacing.done(0, connection_failed=False)

    assert steps == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, BACKOFF_S_MAX, BACKOFF_S_MAX, BACKOFF_S_MAX]
    assert pacing.wait_s(0.0, now_ns=0) == 0.0
