"""Which load a search tries next."""

import pytest

from harness.analysis.levels.next_trial import Trial, Wanted, next_trial
from harness.analysis.levels.threshold import Mark
from harness.scenario.plan.search import Search

SEARCH = Search(objectives=("p95 < 1s",), first=1.0, most=64.0, within_s=180.0)


def trial(load: float, bad: float) -> Trial:
    return Trial(load, (Mark(load, 500, 500.0, bad, 0.05),))


def good(*loads: float) -> list[Trial]:
    return [trial(load, 0.0) for load in loads]


def poor(*loads: float) -> list[Trial]:
    return [trial(load, 1.0) for load in loads]


@pytest.mark.parametrize(
    ("trials", "wanted"),
    [
        ([], 1),
        (good(1), 2),
        (good(1, 2), 4),
        (good(1, 2, 4, 8, 16, 32), 64),
        (good(1, 2, 4, 8, 16, 32, 64), 64),  # the largest is tried twice
        (good(1, 2, 4, 8, 16, 32, 64, 64), None),
        (poor(1), 1),  # it may have been cold
        (poor(1, 1), None),
        (poor(8), 8),
        (poor(8, 8), 4),
        (poor(8, 8, 4), 2),
    ],
)
def test_it_doubles_until_one_is_missed_and_halves_until_one_holds(
    trials: list[Trial], wanted: float | None
) -> None:
    """Short trials; the smallest and the largest load are tried twice."""
    following = next_trial(SEARCH, trials, 170.0)

    assert following == (None if wanted is None else Wanted(wanted, SEARCH.hold_s / 2))


def test_it_stays_between_what_held_and_what_did_not() -> None:
    """And takes longer trials."""
    following = next_trial(SEARCH, [*good(8, 16), *poor(32)], 170.0)

    assert following is not None
    assert 16 <= following.load <= 32
    assert following.hold_s == SEARCH.hold_s


@pytest.mark.parametrize(
    ("left_s", "hold_s"), [(100.0, 5.0), (5.0, 4.0), (3.0, None), (0.0, None), (-4.0, None)]
)
def test_it_never_begins_what_it_has_no_time_for(left_s: float, hold_s: float | None) -> None:
    """The last trial is as long as there is time; not shorter than one that only looks."""
    following = next_trial(SEARCH, [*good(8, 16), *poor(32)], left_s, costs_s=1.0)

    assert (following.hold_s if following else None) == hold_s


def test_few_users_are_tried_one_by_one_and_the_search_ends_when_one_number_is_left() -> None:
    """Four hold, five do not, often enough."""
    trials = [*good(1, 2, 4), *poor(8), *(one for _ in range(12) for one in (*good(4), *poor(5)))]

    assert next_trial(SEARCH, trials, 100.0) is None
