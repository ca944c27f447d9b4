"""The windows and the intervals of a run as CSV, one row each; a field without a value is empty."""

from typing import Final

from harness.report.reading import Reading

DECIMALS: Final = "%.3f"


def windows_csv(reading: Reading) -> str:
    """The windows behind the charts over time, as CSV."""
    return str(reading.windows.to_csv(index=False, float_format=DECIMALS, lineterminator="\n"))


def intervals_csv(reading: Reading) -> str:
    """The figures of long steps, interval by interval, as CSV."""
    return str(reading.intervals.to_csv(index=False, float_format=DECIMALS, lineterminator="\n"))
