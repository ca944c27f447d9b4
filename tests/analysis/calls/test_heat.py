"""The heat map: every ok call in one cell, and a bounded number of cells."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.analysis.calls import heat
from harness.analysis.calls.calls import Calls
from tests.fakes.runs import MS, S, rows


def measure(at_ms, took_ns, **columns):
    intended = np.asarray(at_ms, dtype=np.int64) * MS
    done = intended + np.asarray(took_ns, dtype=np.int64)
    return heat.measure(Calls.of(rows(len(intended), intended_ns=intended, done_ns=done, **columns)))


@settings(max_examples=30)
@example([(0, 0), (0, 9_999_999_998)])  # two nanoseconds below an edge
@example([(0, 999_999_999_999), (0, 10**12)])  # one below, at the largest
@given(st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 10**12)), min_size=1, max_size=60))
def test_every_ok_call_lies_in_its_cell(drawn):
    """A slow walk over the cells' edges finds the same counts; what is out of range lies in the nearest row."""
    found = measure([at for at, _ in drawn], [took for _, took in drawn])

    slow = np.zeros_like(found.counts)
    for at_ms, took_ns in drawn:
        took_ms = np.clip(max(took_ns, 1000) / MS, found.edges_ms[0], None)
        row = int(np.searchsorted(found.edges_ms * (1 - 1e-13), took_ms, side="right")) - 1
        column = int(np.searchsorted(found.edges_s * (1 + 1e-15), at_ms / 1000, side="right")) - 1
        slow[min(row, len(slow) - 1), column] += 1
    assert found.counts.sum() == len(drawn)
    assert (found.counts.sum(axis=1) == slow.sum(axis=1)).all()
    assert np.abs(found.counts - slow).sum() <= 2 * sum(at % 1000 == 0 for at, _ in drawn)  # on an edge
    assert len(found.counts) <= heat.ROWS_MOST
    assert found.counts.shape == (len(found.edges_ms) - 1, len(found.edges_s) - 1)


def test_a_long_run_has_no_more_columns_than_a_picture_has_room_for():
    """Ten hours, and two kinds of answers: 2 ms and 300 ms."""
    count = 36_000
    found = measure(np.arange(count) * 1000, np.where(np.arange(count) % 10, 2, 300) * MS)

    assert found.counts.shape[1] == heat.COLUMNS_MOST
    kinds = found.counts.sum(axis=1)
    assert sorted(kinds[kinds > 0]) == [3_600, 32_400]
    low, high = found.edges_ms[:-1][kinds > 0]
    assert (round(low, 1), round(high)) == (2.0, 251)


def test_failed_calls_are_no_part_of_it():
    """And without an ok call there is no map."""
    assert measure([0, 1000], [S, S], outcome=["ok", "timeout"]).counts.sum() == 1
    assert measure([0], [S], outcome=["timeout"]) is None
