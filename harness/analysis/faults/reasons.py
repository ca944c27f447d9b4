"""Findings about faults that did not happen, were not verified, touched nothing, or were not survived."""

from collections.abc import Sequence
from typing import Final

from harness.analysis.faults.impact import Impact
from harness.analysis.faults.matrix import Row
from harness.analysis.finding import Finding
from harness.analysis.finding import unknown as _unknown
from harness.foundation import errors
from harness.scenario.catalogue import where

UNTOLD_MOST: Final = 3
UNSTEADY: Final = "the load itself is too unsteady to judge faults"


def of_faults(impacts: Sequence[Impact]) -> list[Finding]:
    """The findings about each fault; a fault that was left over comes first."""
    findings = [finding for impact in impacts for finding in _fault(impact)]
    return sorted(findings, key=lambda finding: finding.exit_code != errors.FAULTS_LEFT_OVER)


def of_matrix(rows: Sequence[Row]) -> list[Finding]:
    """The findings of a matrix: a row that broke fails the run, an unknown row makes it unknown."""
    left = (impact for row in rows for impact in row.impacts if impact.fault.healed is False)
    findings = [_fault(impact)[0] for impact in left]
    untold: dict[str, list[str]] = {}
    for row in rows:
        if row.outcome == "broke":
            findings.append(
                Finding("fail", f"the fault {row.name} broke the service: {row.why}", errors.FAILED)
            )
        if row.outcome == "unknown":
            untold.setdefault(row.why, []).append(row.name)
        elif row.placebo and row.outcome != "survived":
            findings += _unknown(
                f'the fault {row.name} is a placebo and does nothing, yet the result was "{row.outcome.replace("_", " ")}": {UNSTEADY}'
            )
    for why, names in untold.items():
        more = f" and {len(names) - UNTOLD_MOST} others" if len(names) > UNTOLD_MOST else ""
        findings += _unknown(
            f"how the service handles {', '.join(names[:UNTOLD_MOST])}{more} is unknown: {why}"
        )
    if all(row.outcome == "not_exposed" for row in rows):
        findings += _unknown("no fault touched a call, so the matrix shows nothing")
    return findings


def _fault(impact: Impact) -> list[Finding]:
    """The findings about one fault, the worst first; one that did not happen has only that finding."""
    fault = impact.fault
    left: list[Finding] = []
    if fault.healed is False:
        place = f" on {where(fault.link)}" if fault.link else ""
        which = f"the fault {fault.name} ({fault.kind}{place})"
        if fault.left:
            left = _unknown(f"{which} was left over: {fault.unhealed_why}", errors.FAULTS_LEFT_OVER)
        else:  # its server ended with the run, or somebody has undone it since
            left = _unknown(f"{which} was not healed before the run ended: {fault.unhealed_why}")
    if fault.window is None:
        return [*left, *_unknown(f"the fault {fault.name} did not happen: {fault.skipped_why}")]
    if not fault.verified:
        return [*left, *_unknown(f"the fault {fault.name} could not be verified: {fault.unverified_why}")]
    if not impact.exposure.calls:
        return [*left, *_unknown(f"the fault {fault.name} touched no call, so it shows nothing")]
    return left or _recovered(impact)


def _recovered(impact: Impact) -> list[Finding]:
    name, recovery = impact.fault.name, impact.recovery
    if recovery.outcome == "recovered":
        if impact.fault.placebo and recovery.recover_s:
            whose = f" for {recovery.slowest}" if recovery.slowest else ""
            took = f"took {recovery.recover_s:.0f} s to recover from{whose}"
            return _unknown(
                f"the fault {name} is a placebo and does nothing, yet the service {took}: {UNSTEADY}"
            )
        return []
    if recovery.outcome == "unknown":
        return _unknown(f"whether the service recovered from {name} is unknown: {recovery.why}")
    for_s = f"not recovered {recovery.not_back()}"
    if impact.fault.placebo:
        return _unknown(
            f"the fault {name} is a placebo and does nothing, yet the service had {for_s}: {UNSTEADY}"
        )
    return [Finding("fail", f"the fault {name}: {for_s}", errors.FAILED)]
