"""The latencies as an HDR histogram log, for the tools and plotters of HdrHistogram, and for adding up runs.

One line per interval and kind (tags `response` and `service`). Values are in microseconds, maxima in
milliseconds, times in seconds since the start of the run (the base time). Three significant digits.
"""

from datetime import datetime
from typing import Final

from hdrh.histogram import HdrHistogram

from harness.analysis.calls.histograms import Interval
from harness.report.reading import Reading

HIGHEST_US: Final = 24 * 3_600_000_000  # one day
DIGITS: Final = 3


def hdr_log(reading: Reading) -> str:
    """The complete log."""
    lines = [
        "#[Histogram log format version 1.3]",
        *_base(str(reading.summary.started_at or "")),
        "#values in microseconds; Interval_Max in milliseconds",
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
        *(_line(one) for one in reading.histograms),
    ]
    return "\n".join(lines) + "\n"


def _base(started_at: str) -> list[str]:
    try:
        base_s = datetime.fromisoformat(started_at).timestamp()
    except ValueError:
        return []
    return [
        f"#[StartTime: {base_s:.3f} (seconds since epoch)]",
        f"#[BaseTime: {base_s:.3f} (seconds since epoch)]",
    ]


def _line(one: Interval) -> str:
    histogram = HdrHistogram(1, HIGHEST_US, DIGITS)
    for value, count in zip(one.values_us.tolist(), one.counts.tolist(), strict=True):
        histogram.record_value(min(value, HIGHEST_US), count)
    payload = histogram.encode().decode("ascii")
    length_s, most_ms = one.end_s - one.start_s, int(one.values_us[-1]) / 1000
    return f"Tag={one.kind},{one.start_s:.3f},{length_s:.3f},{most_ms:.3f},{payload}"
