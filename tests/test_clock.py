"""The clock: real and fake behave alike, but for the waiting."""

import pytest

from harness.clock import Clock, Epoch, FakeClock, RealClock


@pytest.mark.parametrize("clock", [RealClock(), FakeClock()])
async def test_sleeping_moves_a_clock_by_at_least_what_was_asked(clock: Clock) -> None:
    """The fake one is checked against the real one."""
    before_ns = clock.now_ns()
    await clock.sleep(0.01)

    assert clock.now_ns() - before_ns >= 10_000_000
    assert clock.utc().tzinfo is not None


async def test_an_epoch_counts_from_its_origin() -> None:
    """Zero is the start of the run, whatever the clock showed then."""
    clock = FakeClock(ns=5_000)
    epoch = Epoch.of(clock)
    await clock.sleep(2)

    assert (epoch.since_ns(clock), epoch.started_at) == (2_000_000_000, clock.started)


async def test_a_fake_clock_does_not_go_back() -> None:
    """A negative wait is no wait."""
    clock = FakeClock(ns=7)
    await clock.sleep(-1)

    assert clock.now_ns() == 7
