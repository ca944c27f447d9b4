"""Operations: a row for each pair of operation and user class, adding up to the whole."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.calls import operations
from harness.analysis.calls.calls import Calls
from tests.fakes.runs import MS, rows


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from("XY"),
            st.sampled_from(["ok", "reset"]),
            st.integers(1, 99),
        ),
        max_size=120,
    )
)
def test_each_row_holds_the_calls_of_its_pair(calls):
    """Compared with counting by hand."""
    intended = np.arange(len(calls), dtype=np.int64) * MS
    frame = rows(
        len(calls),
        intended_ns=intended,
        done_ns=intended + np.array([took for *_, took in calls], dtype=np.int64) * MS,
        operation=[operation for operation, *_ in calls],
        user_class=[kind for _, kind, *_ in calls],
        outcome=[outcome for _, _, outcome, _ in calls],
    )

    table = operations.measure(Calls.of(frame))

    assert {(row.operation, row.user_class) for row in table} == {call[:2] for call in calls}
    for row in table:
        mine = [call for call in calls if call[:2] == (row.operation, row.user_class)]
        took = [ms for _, _, outcome, ms in mine if outcome == "ok"]
        assert (row.requests, row.ok, row.failed) == (len(mine), len(took), len(mine) - len(took))
        assert row.latency_ms.response.max == (max(took) if took else None)
    assert [row.requests for row in table] == sorted((row.requests for row in table), reverse=True)
