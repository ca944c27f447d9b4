"""Failures: counted by outcome and detail, bounded, never losing one."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.calls import failures
from harness.analysis.calls.calls import Calls
from tests.fakes.results import plain
from tests.fakes.runs import S, rows


def test_each_kind_of_failure_has_its_count_and_its_time():
    """The most frequent first; times are of completion."""
    frame = rows(
        6,
        outcome=["ok", "timeout", "http_status", "timeout", "input_required", "timeout"],
        detail=["", "30s", "503", "30s", "", "60s"],
        done_ns=np.array([1, 9, 3, 5, 2, 7]) * S,
    )

    assert plain(failures.measure(Calls.of(frame))) == [
        {"outcome": "timeout", "detail": "30s", "count": 2, "first_s": 5.0, "last_s": 9.0},
        {"outcome": "http_status", "detail": "503", "count": 1, "first_s": 3.0, "last_s": 3.0},
        {"outcome": "timeout", "detail": "60s", "count": 1, "first_s": 7.0, "last_s": 7.0},
    ]


def test_a_run_without_failures_has_no_rows():
    """Nothing to tell."""
    assert failures.measure(Calls.of(rows(3))) == ()
    assert failures.measure(Calls.of(rows(0))) == ()


def test_a_missing_detail_is_an_empty_one():
    """Null in the file."""
    (row,) = failures.measure(Calls.of(rows(2, outcome="reset", detail=[None, None])))

    assert (row.outcome, row.detail, row.count) == ("reset", "", 2)


def test_more_kinds_than_the_table_holds_are_added_up_by_outcome():
    """Forty by name, the rest of each outcome in one row."""
    frame = rows(
        180, outcome=["timeout", "reset", "reset"] * 60, detail=[f"detail {number}" for number in range(180)]
    )

    table = failures.measure(Calls.of(frame))

    assert len(table) == failures.MOST + 2
    assert [(row.outcome, row.detail, row.count) for row in table[-2:]] == [
        ("reset", "(others)", 80),
        ("timeout", "(others)", 60),
    ]
    assert sum(row.count for row in table) == 180


@given(
    st.lists(
        st.tuples(st.sampled_from(["ok", "timeout", "reset"]), st.integers(0, 90), st.integers(0, 9)),
        max_size=300,
    )
)
def test_the_table_is_bounded_and_still_adds_up(calls):
    """Beyond the limit, details are added up by outcome."""
    frame = rows(
        len(calls),
        outcome=[name for name, _, _ in calls],
        detail=[str(detail) for _, detail, _ in calls],
        done_ns=np.array([at for _, _, at in calls], dtype=np.int64) * S,
    )

    table = failures.measure(Calls.of(frame))

    expected = Counter(name for name, _, _ in calls if name != "ok")
    counted: Counter[str] = Counter()
    for row in table:
        counted[row.outcome] += row.count
        times = [at for name, detail, at in calls if name == row.outcome]
        assert min(times) <= row.first_s <= row.last_s <= max(times)
    assert counted == expected
    assert len(table) <= failures.MOST + 2
