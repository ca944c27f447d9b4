"""Stretches of time, compared with sets of whole moments."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.statistics.spans import common, length_ns, meets, union, without

SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=6)


def moments(spans):
    return {at for start, end in spans for at in range(start, end)}


@given(SPANS, SPANS)
def test_spans_behave_like_sets_of_moments(left, right):
    """Union, intersection and difference; sorted, apart from each other, nothing empty."""
    for found, expected in (
        (union(left), moments(left)),
        (common(left, right), moments(left) & moments(right)),
        (without(left, right), moments(left) - moments(right)),
    ):
        assert moments(found) == expected
        assert length_ns(found) == len(expected)
        assert all(end < start for (_, end), (start, _) in pairwise(found))


@given(
    st.tuples(st.integers(0, 30), st.integers(0, 30)),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30))),
)
def test_meeting_is_having_time_in_common(one, others):
    """For stretches that have a length."""
    one, *others = ((min(span), max(span) + 1) for span in (one, *others))

    assert meets(one, others) == bool(common([one], others))
