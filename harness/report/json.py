"""The summary as one JSON object (schema 1)."""

import json

from harness.report.reading import Reading


def summary_json(reading: Reading) -> str:
    return json.dumps(reading.summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
