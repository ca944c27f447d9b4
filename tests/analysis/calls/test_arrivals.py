"""What was not sent, and whether the generator kept up: synthetic reports with known answers."""

import pytest
from msgspec.structs import replace

from harness.analysis.calls.arrivals import fell_behind, kept_up, unsent, within
from harness.run_directory.event_kinds import Event
from harness.run_directory.results import StepResult
from tests.fakes.events import event as happened
from tests.fakes.results import filled

S = 1_000_000_000


def report(at_s: float, worker: int = 0, **said: object) -> Event:
    return happened(int(at_s * S), "generator", {"worker": worker, **said})


def test_tenths_of_a_second_are_counted_where_they_lie() -> None:
    """Over workers and reports; closed load says nothing of it."""
    found = unsent(
        [
            report(1, not_sent=[[500, 3], [900, 1]]),
            report(2, 1, not_sent=[[900, 4]]),
            report(3),
            happened(0, "run_started", {}),
        ]
    )

    assert within(found, [(0, 10 * S)]) == 8
    assert within(found, [(S * 9 // 10, S)]) == 5
    assert within(found, []) == 0


@pytest.mark.parametrize(
    ("reports", "share"),
    [
        ([report(1, arrived=0, overdue=0), report(5, arrived=400, overdue=0)], 1.0),
        ([report(1, arrived=100, overdue=0), report(5, arrived=400, overdue=100)], 0.75),
        # One worker of two is behind.
        (
            [
                report(1, 0, arrived=0, overdue=0), report(5, 0, arrived=100, overdue=0),
                report(1, 1, arrived=0, overdue=0), report(5, 1, arrived=50, overdue=50),
            ],
            0.75,
        ),
        # What was behind before, and was made up for, is no lateness of this step.
        ([report(1, arrived=0, overdue=50), report(5, arrived=150, overdue=0)], 1.5),
        ([report(1, arrived=5, overdue=0)], None),
        ([report(20, arrived=5, overdue=0), report(21, arrived=6, overdue=9)], None),
        ([report(1, cpu=0.1), report(2, cpu=0.1)], None),
    ],
)  # fmt: skip
def test_keeping_up_is_the_share_of_due_arrivals_that_were_looked_at(
    reports: list[Event], share: float | None
) -> None:
    """From the first to the last report in the window; None when there are too few."""
    assert kept_up(reports, 0, 10 * S) == share


def test_only_steps_of_open_load_can_fall_behind() -> None:
    """Below 98 % of what was due."""
    behind = [report(1, arrived=0, overdue=0), report(5, arrived=97, overdue=3)]
    step = filled(StepResult, rate=25.0, start_s=0.0, end_s=10.0)

    assert fell_behind(behind, [step, replace(step, rate=None)]) == [(step, 0.97)]
    assert fell_behind([behind[0], report(5, arrived=99, overdue=1)], [step]) == []
