"""The summary as one JSON object (schema 1)."""

from harness.printable import as_json
from harness.report.reading import Reading


def summary_json(reading: Reading) -> str:
    return as_json(reading.summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
