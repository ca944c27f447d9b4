"""The verdict as JUnit XML: a test case for the run itself, one for each objective, one for each fault.

An objective that does not hold is a failure; one that could not be decided is an error, like a test that
could not run. The first case is the measurement: it is an error, with the reasons, when the run cannot be
trusted.
"""

from xml.etree import ElementTree as ET

from harness.analysis.objectives.observation import Observation
from harness.foundation.untrusted.printable import printable as clean
from harness.report import wording
from harness.report.reading import Reading

MOST = 200  # the most cases for faults
ELEMENT = {"fail": "failure", "unknown": "error"}


def junit(reading: Reading) -> str:
    """The test suite as XML."""
    summary = reading.summary
    name = clean(summary.scenario or "run")
    cases = [_measurement(reading, name), *_objectives(reading, name), *_faults(reading, name)]
    counts = {kind: str(sum(case.find(kind) is not None for case in cases)) for kind in ELEMENT.values()}
    totals = {"tests": str(len(cases)), "failures": counts["failure"], "errors": counts["error"]}
    time = f"{summary.duration_s:.3f}"
    root = ET.Element("testsuites", {"name": "mcp-harness", **totals, "time": time})
    about = {"timestamp": clean(summary.started_at or ""), "time": time}
    suite = ET.SubElement(root, "testsuite", {"name": name, **totals, **about})
    if most := wording.commonest_failure(summary):
        properties = ET.SubElement(suite, "properties")
        ET.SubElement(properties, "property", {"name": "most common failure", "value": clean(most)})
    suite.extend(cases)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _case(suite: str, group: str, name: str, outcome: str, why: str) -> ET.Element:
    case = ET.Element("testcase", {"classname": f"{suite}.{group}", "name": clean(name), "time": "0"})
    if outcome != "pass":
        ET.SubElement(case, ELEMENT[outcome], {"message": clean(why), "type": outcome})
    return case


def _measurement(reading: Reading, suite: str) -> ET.Element:
    """The test case of the measurement: the verdict's reasons that belong to no other case."""
    summary = reading.summary
    missed = [one.objective for one in summary.objectives if one.outcome != "pass"]
    own = [reason for reason in summary.reasons if not any(reason.startswith(text) for text in missed)]
    outcome = summary.verdict if own else "pass"
    return _case(suite, "measurement", "the run can be trusted", outcome, "; ".join(own))


def _objectives(reading: Reading, suite: str) -> list[ET.Element]:
    return [
        _case(suite, "objectives", one.seen.objective.text, one.outcome, _observed(one.seen))
        for one in reading.objectives
    ]


def _observed(seen: Observation) -> str:
    why = seen.undecided or seen.why
    return f"observed {seen.seen}" + (f": {why}" if why else "")


def _faults(reading: Reading, suite: str) -> list[ET.Element]:
    cases = []
    for impact in reading.impacts[:MOST]:
        _, state, outcome = wording.fault_state(impact)
        words, why = wording.recovery(impact)
        if outcome == "pass":
            outcome = {"recovered": "pass", "not_recovered": "fail", "unknown": "unknown"}[
                impact.recovery.outcome
            ]
            state = f"{words} {why}".strip()
        cases.append(_case(suite, "faults", impact.fault.name, outcome, state))
    return cases
