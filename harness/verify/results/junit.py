"""The results as JUnit XML: what failed is a failure, what is unknown an error, what was skipped is skipped."""

from typing import Final
from xml.etree import ElementTree as ET

from harness.foundation.untrusted.printable import html_without_commands
from harness.foundation.untrusted.printable import printable as clean
from harness.verify.finding import Outcome, Result
from harness.verify.results.suite import SuiteResult

ELEMENT: Final[dict[Outcome, str]] = {"failed": "failure", "unknown": "error", "skipped": "skipped"}


def junit(suite: SuiteResult) -> str:
    """One suite; a case for each check."""
    counted = suite.count()
    totals = {
        "tests": str(len(suite.results)),
        "failures": str(counted["failed"]),
        "errors": str(counted["unknown"]),
        "skipped": str(counted["skipped"]),
        "time": f"{suite.duration_s:.3f}",
    }
    root = ET.Element("testsuites", {"name": "mcp-harness verify", **totals})
    cases = ET.SubElement(root, "testsuite", {"name": clean(suite.target), **totals})
    cases.extend(_case(result) for result in suite.results)
    ET.indent(root)
    text = html_without_commands(ET.tostring(root, encoding="unicode"))
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _case(result: Result) -> ET.Element:
    group = f"p{result.priority}.{result.category or 'other'}"
    named = {"classname": group, "name": clean(result.title), "time": f"{result.duration_s:.3f}"}
    case = ET.Element("testcase", named)
    if result.outcome in ELEMENT:
        lines = [*result.why.splitlines(), *([f"to run it: {result.how}"] if result.how else [])]
        attributes = {"message": clean("; ".join(lines))}
        if result.outcome != "skipped":
            attributes["type"] = result.outcome
        ET.SubElement(case, ELEMENT[result.outcome], attributes)
    return case
