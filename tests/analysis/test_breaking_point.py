"""The breaking point: the first level below the limit, unless running it again takes it back."""

import pytest

from harness.analysis.breaking_point import Level, broke, find

LIMIT = 0.95


def levels(*given):
    """(users, success rate) in order; a third word repeats the level before."""
    return [Level(users, rate, LIMIT, repeats=bool(again)) for users, rate, *again in given]


CASES = [
    # levels, users, last good, confirmed
    ([(5, 1.0), (10, 0.95)], None, None, None),  # the limit itself is good
    ([(5, 1.0), (10, 0.94)], 10, 5, False),
    ([(5, 0.5)], 5, None, False),  # the first level breaks: none was good
    ([(5, 1.0), (10, 0.9), (10, 0.8, "again")], 10, 5, True),
    ([(5, 1.0), (10, 0.9), (10, 1.0, "again"), (15, 0.9), (15, 0.9, "again")], 15, 10, True),
    ([(5, 1.0), (10, 0.9), (10, 1.0, "again")], None, None, None),  # a passing trouble
    ([(5, 1.0), (10, None)], 10, 5, False),  # users who all wait
    ([(10, 1.0), (5, 1.0), (20, 0.1)], 20, 10, False),  # the highest good one, not the latest
    ([], None, None, None),
]


@pytest.mark.parametrize(("given", "users", "last_good", "confirmed"), CASES)
def test_the_first_break_that_was_not_taken_back(given, users, last_good, confirmed):
    """Level by level, as a ramp runs."""
    found = find(levels(*given))

    assert (found and found.users, found and found.last_good_users, found and found.confirmed) == (
        users,
        last_good,
        confirmed,
    )


def test_the_reason_is_the_run_that_decided():
    """When a level was repeated, the repetition speaks."""
    once, twice = find(levels((5, 0.9))), find(levels((5, 0.9), (5, 0.8, "again")))

    assert once.reason == "success rate 90% is below 95%"
    assert twice.reason == "success rate 80% is below 95%"
    assert find(levels((5, None))).reason == "no call that began in the measured window was answered"


@pytest.mark.parametrize(
    ("rate", "broken"), [(1.0, False), (0.95, False), (0.9499, True), (0.0, True), (None, True)]
)
def test_a_level_without_an_answer_is_broken(rate, broken):
    """Nothing was shown is not good."""
    assert broke(rate, LIMIT) is broken
