"""A comparison as JUnit XML: a case for the verdict, and one for each figure.

A figure that regressed is a failure. A comparison that could not decide is an error of the first case; single figures that
are inconclusive are skipped, each with how many more repeats would tell.
"""

from xml.etree import ElementTree as ET

from harness.foundation.untrusted.printable import printable as clean
from harness.history.comparison import wording
from harness.history.comparison.comparison import Compared, Comparison

MOST = 500


def junit(comparison: Comparison) -> str:
    """The test suite as XML."""
    name = clean(comparison.scenario or "comparison")
    cases = [
        _verdict(comparison, name),
        *(_figure(one, comparison, name) for one in comparison.figures[:MOST]),
    ]
    counts = {
        plural: str(sum(case.find(kind) is not None for case in cases))
        for kind, plural in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped"))
    }
    root = ET.Element("testsuites", {"name": "mcp-harness compare", "tests": str(len(cases)), **counts})
    ET.SubElement(root, "testsuite", {"name": name, "tests": str(len(cases)), **counts}).extend(cases)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _verdict(comparison: Comparison, suite: str) -> ET.Element:
    case = ET.Element(
        "testcase", {"classname": f"{suite}.comparison", "name": "the sides can be compared", "time": "0"}
    )
    if comparison.exit_code and comparison.verdict in {"inconclusive", "not_comparable"}:
        attributes = {"message": clean("; ".join(comparison.why)), "type": comparison.verdict}
        ET.SubElement(case, "error", attributes)
    if comparison.errors_new:
        told_errors = [text for text in wording.remarks(comparison) if text.startswith("New kind")]
        ET.SubElement(case, "system-out").text = clean("; ".join(told_errors))
    return case


def _figure(one: Compared, comparison: Comparison, suite: str) -> ET.Element:
    case = ET.Element(
        "testcase",
        {"classname": f"{suite}.{clean(one.of)}", "name": clean(one.name), "time": "0"},
    )
    if one.word == "regressed" and not comparison.describes:
        message = f"{wording.change(one.change, one)} ({wording.interval(one)})"
        ET.SubElement(case, "failure", {"message": clean(message), "type": one.word})
    elif one.word == "inconclusive":
        ET.SubElement(case, "skipped", {"message": clean(wording.word(one))})
    return case
