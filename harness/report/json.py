"""The summary as one JSON object (schema 1)."""

import json

from harness.printable import json_without_commands
from harness.report.reading import Reading


def summary_json(reading: Reading) -> str:
    text = json.dumps(reading.summary, indent=2, ensure_ascii=False, allow_nan=False)
    return json_without_commands(text) + "\n"
