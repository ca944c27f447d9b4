"""The windows and the intervals of a run as CSV: a row for each, an empty field where nothing can be said."""

from typing import Final

from harness.report.reading import Reading

DECIMALS: Final = "%.3f"


def windows_csv(reading: Reading) -> str:
    """The windows that the charts over time are drawn from."""
    return str(reading.windows.to_csv(index=False, float_format=DECIMALS, lineterminator="\n"))


def intervals_csv(reading: Reading) -> str:
    """The figures of long steps, interval by interval."""
    return str(reading.intervals.to_csv(index=False, float_format=DECIMALS, lineterminator="\n"))
