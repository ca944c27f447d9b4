"""The formats of a report: a name, and a function from a reading to text."""

from collections.abc import Callable
from typing import Final

from harness.report.html import html
from harness.report.json import summary_json
from harness.report.reading import Reading
from harness.report.terminal import terminal

Format = Callable[[Reading], str]

FORMATS: Final[dict[str, Format]] = {
    "terminal": terminal,
    "json": summary_json,
    "html": html,
}
