"""The breaking point: the first level below the limit, unless its repeats take it back; by a test that is rarely wrong."""

import numpy as np
import pytest

from harness.analysis.levels.breaking_point import REPEATS_MOST, Level, broke, find, weigh
from tests.fakes.ramps import LIMIT, breaks, judged


def levels(*given, count=1000):
    """(users, success rate) in order; a third word repeats the level before."""
    return [Level(users, judged(rate, count), LIMIT, repeats=bool(again)) for users, rate, *again in given]


CASES = [
    # levels, users, last good, confirmed
    ([(5, 1.0), (10, 0.95)], None, None, None),  # the limit itself is good
    ([(5, 1.0), (10, 0.94)], 10, 5, False),
    ([(5, 0.5)], 5, None, False),  # the first level breaks: none was good
    ([(5, 1.0), (10, 0.9), (10, 0.8, "again")], 10, 5, True),
    ([(5, 1.0), (10, 0.9), (10, 1.0, "again"), (15, 0.9), (15, 0.9, "again")], 15, 10, True),
    ([(5, 1.0), (10, 0.9), (10, 1.0, "again")], None, None, None),  # a passing trouble
    ([(5, 1.0), (10, 0.1), (10, 1.0, "again")], None, None, None),  # however bad it was
    ([(5, 1.0), (10, None)], 10, 5, False),  # users who all wait
    ([(5, 1.0), (10, 0.9), (10, None, "again")], 10, 5, True),
    ([(10, 1.0), (5, 1.0), (20, 0.1)], 20, 10, False),  # the highest good one, not the latest
    ([(5, 1.0), (10, 1.0), (10, 0.8, "again")], 10, 5, True),  # repeated for a bound, and then it broke
    ([(5, 1.0), (10, 1.0), (10, 1.0, "again"), (15, 1.0)], None, None, None),
    ([], None, None, None),
]
# The same with 115 calls a level.
NEAR = [
    ([(10, 0.94), *[(10, 0.94, "again")] * REPEATS_MOST], 10, None, False),  # too near to be sure
    ([(10, 0.94), *[(10, 0.95, "again")] * REPEATS_MOST, (15, 1.0)], None, None, None),
    ([(10, 0.94), (10, 0.94, "again"), (15, 1.0)], None, None, None),  # an older run went on here
    ([(10, 0.94), (10, 0.94, "again")], 10, None, False),  # one that was cut off did not
]


@pytest.mark.parametrize(
    ("given", "users", "last_good", "confirmed", "calls"),
    [*((*case, 1000) for case in CASES), *((*case, 115) for case in NEAR)],
)
def test_the_first_break_that_was_not_taken_back(given, users, last_good, confirmed, calls):
    """Level by level, as a ramp runs."""
    found = find(levels(*given, count=calls))

    assert (found and found.users, found and found.last_good_users, found and found.confirmed) == (
        users,
        last_good,
        confirmed,
    )


def test_the_reason_is_the_runs_that_decided():
    """When a level was repeated, the repeats speak."""
    once, twice = find(levels((5, 0.9))), find(levels((5, 0.9), (5, 0.8, "again")))
    near = find(levels((5, 0.94), *[(5, 0.94, "again")] * REPEATS_MOST, count=115))

    assert once.reason == "success rate 90% is below 95%"
    assert twice.reason == "success rate 80% is below 95%"
    assert near.reason == "success rate 93.91% over 6 repeats is below 95%, too near for 6 to confirm it"
    assert find(levels((5, None))).reason == "no call that began in the measured window was answered"


@pytest.mark.parametrize(
    ("rate", "broken"), [(1.0, False), (0.95, False), (0.9499, True), (0.0, True), (None, True)]
)
def test_a_level_without_an_answer_is_broken(rate, broken):
    """Nothing was shown is not good."""
    assert broke(rate, LIMIT) is broken


STATES = [
    # the repeats, the limit, what they say
    ([judged(0.5, 115)], 0.95, "broken"),  # clearly: one repeat is enough
    ([judged(1.0, 115)], 0.95, "good"),
    ([judged(0.9478, 115)], 0.95, "open"),
    ([judged(0.94, 4000)], 0.95, "broken"),  # many calls decide what few cannot
    ([judged(0.94, 4000, worth=80)], 0.95, "open"),  # unless they failed together
    ([judged(0.9502, 10**6)], 0.95, "open"),  # never broken above its limit
    ([judged(1.0, 5)], 0.95, "open"),
    ([judged(1.0, 115), judged(None)], 0.95, "broken"),
    ([judged(0.999, 1000)], 1.0, "broken"),  # nothing may fail
    ([judged(1.0, 1)], 1.0, "good"),
    ([judged(0.0, 10)], 0.0, "good"),  # everything may
    ([judged(1.0, 100, not_sent=50)], 0.95, "broken"),  # what was not sent was not answered
    ([], 0.95, "open"),
]


@pytest.mark.parametrize(("repeats", "limit", "state"), STATES)
def test_the_repeats_decide_as_soon_as_they_can(repeats, limit, state):
    """Wald's test, over all of them."""
    assert weigh(repeats, limit) == state


@pytest.mark.parametrize("calls", [115, 400, 4000])
def test_a_ramp_is_rarely_wrong_about_a_server_near_its_limit(calls):
    """Ten levels, limit 95 %: at 6 % failures it breaks in 95 of 100, at 4 % in at most 5."""
    rng = np.random.default_rng(calls)
    found = {failing: sum(breaks(rng, failing, calls) for _ in range(200)) for failing in (0.04, 0.06)}

    assert found[0.06] >= 190
    assert found[0.04] <= 10
