"""Units: what people write, and what the program counts in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.foundation import units
from harness.foundation.units import UnitError


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30s", 30), ("200ms", 0.2), ("1m30s", 90), ("5 m", 300), ("1h", 3600), ("0s", 0), ("250us", 0.00025)],
)
def test_durations_are_read_in_seconds(text: str, expected: float) -> None:
    """Every unit, and several in a row."""
    assert units.duration_s(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["30", "", "-1s", "s", "10x", "1.5.2s", "ten seconds"])
def test_a_duration_without_a_unit_or_sense_is_refused(text: str) -> None:
    """Thirty of what?"""
    with pytest.raises(UnitError, match="is not a duration"):
        units.duration_s(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("95%", 0.95), ("0.95", 0.95), ("100 %", 1.0), ("0%", 0.0), (1, 1.0)]
)
def test_shares_are_read_as_parts_of_one(text: str, expected: float) -> None:
    """With a percent sign or without."""
    assert units.share(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["95", "101%", "-5%", "most", ""])
def test_what_is_no_share_is_refused(text: str) -> None:
    """95 without a sign would be 9500 percent."""
    with pytest.raises(UnitError, match="is not a share"):
        units.share(text)


@pytest.mark.parametrize(("text", "expected"), [("500/s", 500), ("30/m", 0.5), ("3600/h", 1), ("0.5/s", 0.5)])
def test_rates_are_read_per_second(text: str, expected: float) -> None:
    """Per second, minute or hour."""
    assert units.rate_per_s(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["500", "0/s", "/s", "5/day", "-1/s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    """A rate of nothing is no rate."""
    with pytest.raises(UnitError, match="is not a rate"):
        units.rate_per_s(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("64KB", 64_000), ("1MiB", 1_048_576), ("10 B", 10), ("1.5GB", 1_500_000_000)]
)
def test_sizes_are_read_in_bytes(text: str, expected: int) -> None:
    """Decimal and binary units."""
    assert units.size_bytes(text) == expected


@pytest.mark.parametrize("text", ["64", "64kb", "KB", ""])
def test_what_is_no_size_is_refused(text: str) -> None:
    """The unit says which thousand is meant."""
    with pytest.raises(UnitError, match="is not a size"):
        units.size_bytes(text)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(90, "1m30s"), (0.25, "250ms"), (0, "0s"), (3600, "1h"), (60, "1m"), (3661, "1h1m1s"), (2.5, "2.5s")],
)
def test_durations_are_shown_as_people_write_them(seconds: float, expected: str) -> None:
    """The shortest way."""
    assert units.show_duration(seconds) == expected


@given(st.integers(min_value=0, max_value=10_000_000))
def test_a_shown_duration_reads_back_the_same(milliseconds: int) -> None:
    """Showing loses nothing down to the millisecond."""
    assert units.duration_s(units.show_duration(milliseconds / 1000)) == pytest.approx(
        milliseconds / 1000, abs=1e-6
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, "100%"),
        (0.99999, "99.99%"),
        (0.95, "95%"),
        (0.0, "0%"),
        (0.9567, "95.67%"),
        (0.999999999, "99.99%"),
    ],
)
def test_a_failure_is_never_rounded_away(value: float, expected: str) -> None:
    """Only all is 100%."""
    assert units.show_percent(value) == expected


@pytest.mark.parametrize(
    ("count", "expected"), [(12, "12 B"), (1_234, "1.2 KB"), (5_600_000, "5.6 MB"), (7e9, "7.0 GB")]
)
def test_byte_counts_are_shown_with_one_decimal(count: float, expected: str) -> None:
    """In decimal units."""
    assert units.show_bytes(count) == expected


def test_of_a_long_text_nothing_is_repeated() -> None:
    """A secret that is cut in two would not be recognised, and not be hidden."""
    with pytest.raises(UnitError, match=r"^a text of 68 characters is not a duration"):
        units.duration_s("a" * 50 + "s3cr3t-value-Zq7x1")
