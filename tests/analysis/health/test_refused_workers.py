"""Attempts to join that were refused, in words."""

from harness.analysis.health import refused_workers
from harness.run_directory.event_kinds import Event
from tests.fakes.events import event as happened


def refused(at_s: float, attempts: int, why: str) -> Event:
    return happened(int(at_s * 1e9), "stranger_refused", {"attempts": attempts, "why": why})


def test_attempts_are_counted_by_what_was_wrong_with_them_since_the_first() -> None:
    """Nothing is said when nobody tried."""
    events = [
        refused(2.1, 1, "without a token"),
        happened(3_000_000_000, "run_started", {}),
        refused(7.1, 1200, "with another token"),
        refused(7.2, 40, "without a token"),
    ]

    assert refused_workers.attempts(events) == 1241
    assert refused_workers.told(events) == (
        "refused attempts to join the load: 41 without a token, 1,200 with another token, from 2.1 s on"
    )
    assert (refused_workers.attempts([events[1]]), refused_workers.told([events[1]])) == (0, "")
