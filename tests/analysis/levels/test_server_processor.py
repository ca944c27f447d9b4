"""Which resource gave way: the processor of a server whose use of it is known."""

import pytest

from harness.analysis.levels.server_processor import words
from harness.analysis.levels.steps import Step
from harness.foundation.units import NS_PER_S
from harness.run_directory.event_kinds import TargetSeen

MISSED = Step(
    index=3, name="fits", kind="capacity", users=40, rate=None, start_ns=10 * NS_PER_S, end_ns=16 * NS_PER_S
)


def seen(cores: float, *, restarted_at: int = 99) -> list[TargetSeen]:
    """A reading a second; outside of the step it does nothing."""
    at_work = [min(max(0, second - 10), 6) * cores for second in range(20)]
    return [
        TargetSeen(at_ns=second * NS_PER_S, rss_mb=1.0, cpu_s=0.1 if second >= restarted_at else 1.0 + used)
        for second, used in enumerate(at_work)
    ]


@pytest.mark.parametrize(
    ("cores", "said"),
    [
        (1.95, "; the processor was the limit: the server took 1.95 of 2 cores"),
        (0.98, "; the server's processor was the limit: it took 0.98 of a core, and one thread can have no more than one"),
        (0.4, "; the server took 0.40 of 2 cores there"),
        (1.4, "; the server took 1.40 of 2 cores there"),
    ],
)  # fmt: skip
def test_what_the_server_took_where_it_gave_way_is_said(cores: float, said: str) -> None:
    assert words([MISSED], seen(cores), 2) == said


@pytest.mark.parametrize(
    ("events", "steps"),
    [
        ([], [MISSED]),
        (seen(2.0), []),
        (seen(2.0)[:12], [MISSED]),
        ([TargetSeen(at_ns=one.at_ns, rss_mb=1.0) for one in seen(2.0)], [MISSED]),  # an older run
    ],
)
def test_nothing_is_said_where_it_is_not_known(events: list[TargetSeen], steps: list[Step]) -> None:
    """Not seen, nothing missed, too few readings, or none of them."""
    assert words(steps, events, 2) == ""


def test_a_process_that_was_replaced_has_no_use_between_its_readings() -> None:
    assert words([MISSED], seen(1.95, restarted_at=13)[:14], 2) == ""
