"""The percentile curve: nearest rank at every point, and no point that noise could have made."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.calls import curve
from harness.analysis.calls.calls import Calls
from tests.fakes.runs import MS, rows


@settings(max_examples=30)
@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=400))
def test_a_point_is_the_smallest_time_that_enough_calls_did_not_exceed(drawn):
    """Counted one by one, for every point; ten calls lie above the last."""
    for point in curve.points(np.array(drawn)):
        share = 1_000_000 - point.above
        slow = next(
            one
            for one in sorted(drawn)
            if sum(other <= one for other in drawn) * 1_000_000 >= share * len(drawn)
        )
        assert point.ms == slow / MS
        assert len(drawn) * point.above >= 10 * 1_000_000


def test_a_hundred_thousand_calls_reach_the_fourth_nine():
    """And their named percentiles are the ones of the tables: 1 ... 100,000 us."""
    found = curve.points(np.arange(1, 100_001) * 1000)

    assert [curve.at(found, above) for above in (500_000, 100_000, 50_000, 10_000, 1_000, 100)] == [
        50.0, 90.0, 95.0, 99.0, 99.9, 99.99,
    ]  # fmt: skip
    assert found[-1].percentile == 99.99
    assert len(found) < 60


def test_service_lies_below_response_where_calls_waited():
    """10 ms of waiting before 5 ms of work; too few calls have no curve."""
    calls = Calls.of(
        rows(100, sent_ns=np.arange(100) * 10**9 + 10 * MS, done_ns=np.arange(100) * 10**9 + 15 * MS)
    )

    found = curve.measure(calls)

    assert {point.ms for point in found.response} == {15.0}
    assert {point.ms for point in found.service} == {5.0}
    assert curve.points(np.arange(19)) == ()
    assert curve.at((), 100) is None
