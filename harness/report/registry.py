"""The formats of a report: a name, and a function from a reading to text."""

from collections.abc import Callable
from typing import Final

from harness.report.csv import windows_csv
from harness.report.hdr import hdr_log
from harness.report.html import html
from harness.report.json import summary_json
from harness.report.junit import junit
from harness.report.markdown import markdown
from harness.report.reading import Reading
from harness.report.terminal import terminal

Format = Callable[[Reading], str]

FORMATS: Final[dict[str, Format]] = {
    "terminal": terminal,
    "json": summary_json,
    "html": html,
    "junit": junit,
    "markdown": markdown,
    "csv": windows_csv,
    "hdr": hdr_log,
}
