"""Clocks compared: the true offset is never outside what is said."""

from hypothesis import given
from hypothesis import strategies as st

from harness.load.clock_offset import ClockExchange, ClockOffset, error_ms, measure

WAYS = st.lists(st.tuples(st.integers(0, 10**8), st.integers(0, 10**8)), min_size=1, max_size=20)


@given(st.integers(-(10**15), 10**15), WAYS)
def test_the_truth_is_within_the_error_however_unlike_the_ways_are(
    offset_ns: int, ways: list[tuple[int, int]]
) -> None:
    """And the error is no more than half of the quickest way there and back."""
    exchanges, now_ns = [], 1_000
    for there_ns, back_ns in ways:
        told_ns = now_ns + there_ns + offset_ns
        exchanges.append(ClockExchange(now_ns, told_ns, now_ns + there_ns + back_ns))
        now_ns += there_ns + back_ns
    found = measure(exchanges)

    assert abs(found.ns - offset_ns) <= found.error_ns + 1
    assert found.error_ns <= min(there + back for there, back in ways) // 2 + 1


def test_drift_over_a_run_is_part_of_the_error() -> None:
    """Two milliseconds apart afterwards, each known to a half."""
    assert error_ms(ClockOffset(1_000_000, 500_000), ClockOffset(3_000_000, 500_000)) == 2.5
    assert error_ms(ClockOffset(0, 900_000), ClockOffset(100_000, 100_000)) == 0.9
