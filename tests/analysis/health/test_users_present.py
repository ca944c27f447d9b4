"""Users that are not there, files that run out: read from what the workers say of themselves."""

import pytest

from harness.analysis.health.users_present import Absence, absences, out_of_files
from harness.run_directory.event_kinds import Event
from tests.fakes.events import event as happened


def step(rate: float | None = None) -> list[Event]:
    """Five users from 10 to 20."""
    return [
        happened(9, "step_asked", {"index": 0, "users": 5, "rate": rate}),
        happened(10, "step_running", {"index": 0, "users": 5}),
        happened(20, "step_done", {"index": 0, "start_ns": 10, "end_ns": 20}),
    ]


def reading(at_ns: int, worker: int, users: int, **more: int) -> Event:
    return happened(at_ns, "generator", {"worker": worker, "users": users, **more})


@pytest.mark.parametrize(
    ("readings", "seen"),
    [
        ([(12, 0, 3), (13, 1, 2), (19, 0, 3), (20, 1, 9)], None),
        ([(12, 0, 3), (13, 1, 2), (18, 1, 1)], 4),  # one has gone
        ([(12, 0, 3), (13, 1, 4)], 7),  # more than were asked for
        ([(10, 0, 0), (12, 0, 3), (13, 1, 2), (21, 1, 0)], None),  # before and after do not count
        ([(9, 0, 3), (12, 1, 1)], None),  # one worker was not read in time
        ([], None),
    ],
)
def test_every_reading_within_a_step_shows_all_its_users(
    readings: list[tuple[int, int, int]], seen: int | None
) -> None:
    """Added up over the workers."""
    events = step() + [reading(*one) for one in readings]

    assert absences(events) == ([] if seen is None else [Absence(0, 5, seen)])


def test_open_load_has_the_users_that_it_needs() -> None:
    """Nothing is asked of it, nor of a step that was cut off."""
    events = [reading(12, 0, 3)]

    assert absences(step(rate=500.0) + events) == []
    assert absences(step()[:2] + events) == []


@pytest.mark.parametrize(
    ("files", "expected"),
    [([(10, 100), (98, 100)], (98, 100)), ([(97, 100)], None), ([(5, 0)], None), ([], None)],
)
def test_a_worker_without_a_file_left_is_known(
    files: list[tuple[int, int]], expected: tuple[int, int] | None
) -> None:
    """Where nobody told the limit nothing is said."""
    events = [reading(1, 0, 1, files_open=number, files_max=most) for number, most in files]

    assert out_of_files(events) == expected
