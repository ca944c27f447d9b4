"""The clock: real and fake behave alike, but for the waiting."""

import asyncio
import time
from contextlib import suppress

import pytest

from harness.foundation.clock import Clock, FakeClock, RealClock, RunClock, in_time, within


@pytest.mark.parametrize("clock", [RealClock(), FakeClock()])
async def test_sleeping_moves_a_clock_by_at_least_what_was_asked(clock: Clock) -> None:
    """The fake one is checked against the real one."""
    before_ns = clock.now_ns()
    await clock.sleep(0.01)

    assert clock.now_ns() - before_ns >= 10_000_000
    assert clock.utc().tzinfo is not None


async def test_a_run_s_clock_counts_from_its_beginning() -> None:
    """Zero is the start of the run, whatever the clock showed then."""
    clock = FakeClock(ns=5_000)
    run_clock = RunClock.of(clock)
    await clock.sleep(2)

    assert (run_clock.now_ns(), run_clock.started_at) == (2_000_000_000, clock.started)


async def test_a_fake_clock_does_not_go_back() -> None:
    """A negative wait is no wait."""
    clock = FakeClock(ns=7)
    await clock.sleep(-1)

    assert clock.now_ns() == 7


async def test_a_time_in_which_we_did_not_run_counts_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not heard because the process was stopped is listened for again; what is not said is a time-out."""
    monkeypatch.setattr("harness.foundation.clock.AWAY_S", 0.05)
    asked = []

    async def hear() -> str:
        asked.append(1)
        if len(asked) == 1:
            time.sleep(0.2)
            await asyncio.Event().wait()
        return "said"

    assert await in_time(hear, 0.01) == "said"
    with pytest.raises(TimeoutError):
        await in_time(asyncio.Event().wait, 0.01)


async def test_a_deadline_holds_in_a_task_that_is_being_cancelled() -> None:
    """There servers are ended and faults healed; Debian 12's Python takes the deadline for the cancellation."""
    ended = []

    async def clean_up_when_cancelled() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            with suppress(TimeoutError):
                async with within(0.001):
                    await asyncio.sleep(60)
            ended.append("in order")

    task = asyncio.ensure_future(clean_up_when_cancelled())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])

    assert (ended, task.cancelled()) == (["in order"], True)


async def test_a_deadline_does_not_hold_back_a_cancellation() -> None:
    """Whoever is cancelled inside of one ends as cancelled."""

    async def wait() -> None:
        async with within(60):
            await asyncio.sleep(60)

    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
