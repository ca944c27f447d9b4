"""The summary as one JSON object (schema 1)."""

from harness.report.reading import Reading
from harness.run_directory.results import codec


def summary_json(reading: Reading) -> str:
    return codec.document(reading.summary)
