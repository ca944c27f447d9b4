"""Rounding: a failure is never rounded away, a blank is never a zero."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.statistics.rounding import milliseconds, per_second, ratio, seconds, show


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_a_share_is_one_only_when_nothing_failed(failed, ok):
    """Rounded down, and never by more than a millionth."""
    share = ratio(ok, ok + failed)

    assert (share == 1) == (failed == 0)
    assert 0 <= ok / (ok + failed) - share < 1.1e-6


def test_what_cannot_be_divided_is_none():
    """No calls, no time, no value."""
    assert (ratio(0, 0), per_second(5, 0), milliseconds(None)) == (None, None, None)
    assert (per_second(5, 2_000_000_000), milliseconds(1_234_567), seconds(1_234_567_890)) == (
        2.5,
        1.235,
        1.235,
    )


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "ms", "–"),  # noqa: RUF001 - the dash that stands for a blank
        (math.nan, "ms", "–"),  # noqa: RUF001
        (math.inf, "ms", "infinite"),
        (0.1234, "ms", "0.12 ms"),
        (12.34, "ms", "12.3 ms"),
        (1234.5, "ms", "1,234 ms"),
        (12_345.0, "ms", "12.3 s"),
        (0.99999, "share", "99.99%"),
        (1.0, "share", "100%"),
        (1234.5, "per_s", "1,234/s"),
        (12.34, "per_s", "12.3/s"),
        (1234567, "count", "1,234,567"),
        (61.25, "s", "61.2 s"),
    ],
)
def test_values_are_shown_as_a_person_would_write_them(value, unit, text):
    """About three digits, with the unit."""
    assert show(value, unit) == text
