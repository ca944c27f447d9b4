"""Operations over time: the busiest, each in its own numbers, on one axis."""

import numpy as np

from harness.analysis.calls import panels
from harness.analysis.calls.calls import Calls
from tests.fakes.runs import MS, S, rows


def test_each_operation_has_its_own_numbers_on_the_same_axis():
    """A quick one all the time, a slow one in the second half."""
    at = np.arange(400) * S // 20
    slow = (np.arange(400) % 4 == 3) & (at >= 10 * S)
    frame = rows(
        400,
        intended_ns=at,
        done_ns=at + np.where(slow, 300, 10) * MS,
        operation=np.where(slow, "tools/call:slow", "tools/call:quick"),
    )

    quick, late = panels.measure(Calls.of(frame))

    assert (quick.operation, late.operation) == ("tools/call:quick", "tools/call:slow")
    assert list(quick.windows["start_s"]) == list(late.windows["start_s"])
    assert set(quick.windows["response_ms_p50"].dropna()) == {10.0}
    assert late.windows["ok"].iloc[:10].sum() == 0
    assert set(late.windows["response_ms_p50"].dropna()) == {300.0}


def test_the_number_of_panels_is_bounded():
    """Of fifty operations the busiest twelve; of no call none."""
    names = [f"tools/call:{number}" for number in range(50) for _ in range(number + 1)]

    found = panels.measure(Calls.of(rows(len(names), operation=names)))

    assert [panel.operation for panel in found] == [f"tools/call:{number}" for number in range(49, 37, -1)]
    assert max(len(panel.windows) for panel in found) <= panels.WINDOWS_MOST
    assert panels.measure(Calls.of(rows(0))) == ()
