"""A harness that did not run for a while notices, writes it down, and ends the run."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from harness.conduct.stalls import Stalls
from harness.foundation.clock import FakeClock, RealClock
from harness.foundation.errors import UNKNOWN, UntrustedError
from tests.fakes.events import data_of, name_of

S = 1_000_000_000


class Stopped(FakeClock):
    """Each sleep takes that much longer than asked, or the machine sleeps in it; then it goes on as it should."""

    def __init__(self, late_s: list[float], asleep_s: list[float] | None = None) -> None:
        super().__init__()
        self.late_s, self.asleep_s = late_s, asleep_s or []

    async def sleep(self, seconds: float) -> None:
        self.ns += int((self.late_s.pop(0) if self.late_s else 0.0) * S)
        self.slept_ns += int((self.asleep_s.pop(0) if self.asleep_s else 0.0) * S)
        await super().sleep(seconds)


def seen_by(clock: FakeClock) -> tuple[Stalls, list[tuple[str, dict[str, Any]]], list[str]]:
    events: list[tuple[str, dict[str, Any]]] = []
    notes: list[str] = []
    run: Any = SimpleNamespace(
        log=SimpleNamespace(write=lambda event: events.append((name_of(event), data_of(event)))),
        clock=clock,
        progress=SimpleNamespace(note=notes.append),
    )
    return Stalls(run, clock), events, notes


@pytest.mark.parametrize(
    ("clock", "data", "words"),
    [
        (Stopped([0, 0.1, 61]), {"for_ms": 61_000, "asleep": False}, "61.0 s"),
        (Stopped([], [0, 3600]), {"for_ms": 3_600_000, "asleep": True}, "3600.0 s (the machine was asleep)"),
    ],
)
async def test_a_stall_is_written_down_and_ends_the_run(
    clock: FakeClock, data: dict[str, Any], words: str
) -> None:
    """Exit 3, and the reason in three lines."""
    stalls, events, notes = seen_by(clock)
    with pytest.raises(UntrustedError) as raised:
        await stalls.until_stalled()

    assert events == [("stalled", data)]
    assert raised.value.exit_code == UNKNOWN
    assert raised.value.why == f"The harness did not run for {words}"
    assert notes == [f"  ! the harness did not run for {words}"]


async def test_a_busy_machine_is_no_stall() -> None:
    """Late by seconds, each look: the run goes on."""
    stalls, events, _ = seen_by(clock := Stopped([4.0] * 20))
    watching = asyncio.ensure_future(stalls.until_stalled())
    while clock.late_s:
        await asyncio.sleep(0)
    watching.cancel()
    await asyncio.wait([watching])

    assert events == []


async def test_a_stall_that_something_else_noticed_first_is_written_down_too() -> None:
    """The watch ends with the run: its last look sees what it has missed."""
    clock = FakeClock()
    stalls, events, _ = seen_by(clock)
    watching = asyncio.ensure_future(stalls.until_stalled())
    await asyncio.sleep(0)
    clock.ns += 30 * S
    watching.cancel()
    await asyncio.wait([watching])

    assert [data["asleep"] for _, data in events] == [False]


def test_the_real_clock_knows_how_long_the_machine_slept() -> None:
    """Never negative, and it does not grow while the machine is awake."""
    first = RealClock().asleep_ns()

    assert first > -1_000_000
    assert RealClock().asleep_ns() - first < S // 10
