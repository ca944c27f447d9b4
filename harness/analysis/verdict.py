"""The verdict on a run: pass, fail or unknown, with the reasons and the exit code.

Rules, in this order:

1. Trust first. A run that was interrupted, cut off or lost rows, or whose generator was the bottleneck, is
   unknown, whatever its objectives say: a number that cannot be trusted passes nothing and fails nothing.
   What no number has to show fails the run all the same: acknowledged work that is gone, a server that ended.
2. Faults. One that did not happen, could not be verified, touched no call, or whose recovery nobody could see
   makes the run unknown; so does a placebo that seems to have had an effect, for then the measurement sees what
   is not there. A service that did not recover fails the run, and so does one that retries keep down. A fault that
   was not healed is told by an exit code of its own, whatever else there is to say. In a resilience matrix a fault
   that touched no call says so and is no reason, and a row that broke fails the run.
3. Objectives (`analysis.objectives`). One that is missed fails the run; one that cannot be decided makes it unknown.
4. A run without objectives passes when it measured something: a ramp that found its breaking point has
   passed. It fails when the calls did not work and no breaking point explains it (`analysis.calls.mostly_failed`), or when
   a step that was to run at the last good level had none.

A check that crashes is unknown, never a pass. Exit codes are merged by `harness.foundation.errors.worst`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import UNSET

from harness.analysis.calls import mostly_failed
from harness.analysis.calls.arrivals import KEPT_UP_MIN, fell_behind
from harness.analysis.faults import reasons, work
from harness.analysis.faults.impact import Impact
from harness.analysis.faults.matrix import Row
from harness.analysis.faults.work import WorkOutcome
from harness.analysis.finding import Finding
from harness.analysis.finding import unknown as _unknown
from harness.analysis.health import integrity, lost_calls, lost_parts, stalls, users_present
from harness.analysis.health.saturation import CLOCK_ERROR_MS_MAX
from harness.analysis.levels.capacity import SEARCHED
from harness.analysis.levels.littles_law import Balance
from harness.analysis.objectives import observation
from harness.analysis.objectives.observation import Observation
from harness.foundation import errors
from harness.foundation.units import NS_PER_S
from harness.mcp.reply_memory import HELD_BYTES_MAX
from harness.run_directory.event_kinds import (
    Aborted,
    Event,
    ExperimentEnded,
    RowsUnwritten,
    RunEnded,
    WorkerLost,
)
from harness.run_directory.results import Summary
from harness.run_directory.results.summary import Outcome

NO_GOOD_LEVEL: Final = "no_good_level"


@dataclass(frozen=True, slots=True)
class VerdictInputs:
    """The inputs of the verdict: the numbers, the observations, and the events."""

    summary: Summary
    observations: Sequence[Observation]
    events: Sequence[Event]
    impacts: Sequence[Impact] = ()
    balances: Sequence[Balance] = ()
    work: WorkOutcome | None = None
    matrix: Sequence[Row] = ()
    saturated: Sequence[str] = ()  # why the load generator was the bottleneck, if it was
    damage: Sequence[str] = ()  # what is wrong with the files


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict; `objectives` has one outcome per observation, in order."""

    verdict: Outcome
    reasons: tuple[str, ...]
    exit_code: int
    objectives: tuple[Outcome, ...]


Check = Callable[[VerdictInputs], list[Finding]]


def judge(evidence: VerdictInputs) -> Verdict:
    """The verdict on a run."""
    findings = [finding for check in CHECKS for finding in _safely(check, evidence)]
    outcomes: list[Outcome] = []
    for seen in evidence.observations:
        finding = observation.judge(seen)
        outcomes.append(finding.outcome)
        if finding.outcome != "pass":
            findings.append(finding)
    return Verdict(
        _merge(findings),
        tuple(dict.fromkeys(finding.reason for finding in findings)),
        errors.worst(errors.PASSED, *_codes(findings)),
        tuple(outcomes),
    )


def _merge(findings: Sequence[Finding]) -> Outcome:
    """The outcome of all findings: a certain failure first, then unknown, then fail."""
    outcomes = {finding.outcome for finding in findings}
    if any(finding.certain for finding in findings):
        return "fail"
    return "unknown" if "unknown" in outcomes else "fail" if "fail" in outcomes else "pass"


def _codes(findings: Sequence[Finding]) -> list[int]:
    """The exit codes to merge, without UNKNOWN if there is a certain failure, which it would hide."""
    hidden = errors.UNKNOWN if any(finding.certain for finding in findings) else None
    return [finding.exit_code for finding in findings if finding.exit_code != hidden]


def _safely(check: Check, evidence: VerdictInputs) -> list[Finding]:
    try:
        return check(evidence)
    except Exception as error:  # if a check crashes, the verdict is unknown
        return _unknown(f"the check {check.__name__.strip('_')} could not be made: {error!r}")


def _damaged(evidence: VerdictInputs) -> list[Finding]:
    """Unknown when the files of the run contradict themselves."""
    return integrity.findings(evidence.damage)


def _ended(evidence: VerdictInputs) -> list[Finding]:
    ends = [event for event in evidence.events if isinstance(event, RunEnded)]
    match ends[-1].reason if ends else None:
        case None:
            return _unknown("the run was cut off: events.jsonl does not say how it ended")
        case "interrupted":
            return _unknown("the run was interrupted", errors.INTERRUPTED)
        case "completed" | "broke" | "no_good_level":  # NO_GOOD_LEVEL has a check of its own
            return []
        case "aborted" if any(isinstance(event, Aborted) for event in evidence.events):  # as has this
            return []
        case "error":
            return _unknown("the run was ended by an error")
        case "no_room":
            return _unknown(
                f"the run was ended early: {ends[-1].why or 'there was not enough disk space or memory for it'}"
            )
        case other:
            return _unknown(f"the run ended early: {other}")


def _nothing_measured(evidence: VerdictInputs) -> list[Finding]:
    """Unknown when no call was made, or none in the time of which figures are taken."""
    totals = evidence.summary.totals
    if not totals.requests:
        return _unknown("no call was made")
    fixed = [step for step in evidence.summary.steps if step.kind != SEARCHED]
    if totals.failed or not fixed or any(step.requests or step.not_sent for step in fixed):
        return []
    which = "the step" if len(fixed) == 1 else f"any of the {len(fixed)} steps"
    return _unknown(
        f"no call falls into {which}: all of them were made while users started, while it settled or while it closed "
        "(hold the load for longer: --for)"
    )


def _saturated(evidence: VerdictInputs) -> list[Finding]:
    generator = evidence.summary.generator
    if generator.saturated is None and evidence.summary.totals.requests:
        return _unknown("the load generator did not report its own health")
    findings = [
        finding
        for reason in evidence.saturated
        for finding in _unknown(f"the load generator was saturated: {reason}")
    ]
    error_ms = generator.clock_error_ms or 0.0
    if error_ms > CLOCK_ERROR_MS_MAX:
        findings += _unknown(
            f"the workers' clocks agree only to {error_ms:.1f} ms (limit {CLOCK_ERROR_MS_MAX:g} ms)"
        )
    return findings


def _not_held(evidence: VerdictInputs) -> list[Finding]:
    """Unknown when the harness gave up replies for a reason of its own."""
    count = evidence.summary.generator.not_held
    return (
        _unknown(
            f"{count:,} replies were dropped because a load worker holds {HELD_BYTES_MAX // 1_000_000} MB of replies at most: "
            "this is a limit of the harness, not a fault of the server (use fewer users, more workers or smaller replies)"
        )
        if count
        else []
    )


def _behind(evidence: VerdictInputs) -> list[Finding]:
    """Unknown when open load was below the rate that was asked for."""
    return [
        finding
        for step, share in fell_behind(
            evidence.events, [one for one in evidence.summary.steps if one.kind != SEARCHED]
        )
        for finding in _unknown(
            f"the load generator was saturated: it sent {share:.0%} of the {step.rate:g} arrivals a second "
            f"of step {step.index} (limit {KEPT_UP_MIN:.0%})"
        )
    ]


def _lost(evidence: VerdictInputs) -> list[Finding]:
    why = lost_calls.told(evidence.summary.generator)
    return _unknown(why) if why else []


def _balanced(evidence: VerdictInputs) -> list[Finding]:
    """Unknown when Little's law is broken: more calls in flight than users of a closed load."""
    wrong = [one for one in evidence.balances if not one.holds]
    return [
        finding
        for one in wrong[:1]
        for finding in _unknown(
            f"the numbers contradict each other: {one.in_flight:.1f} calls were in flight on average in step "
            f"{one.index}, with {one.users} users, who make one call at a time"
        )
    ]


def _crew(evidence: VerdictInputs) -> list[Finding]:
    """Unknown when the users were not those that were asked for, or had no files left to connect."""
    findings = [
        finding
        for one in users_present.absences(evidence.events)[:1]
        for finding in _unknown(
            f"in step {one.step} {one.seen} users were running instead of the {one.asked} requested"
        )
    ]
    if files := users_present.out_of_files(evidence.events):
        findings += _unknown(
            f"a load worker had {files[0]:,} files open and may have {files[1]:,}: connections failed because of that limit "
            "(ulimit -n)"
        )
    return findings


def _workers(evidence: VerdictInputs) -> list[Finding]:
    return [
        finding
        for event in evidence.events
        if isinstance(event, WorkerLost | RowsUnwritten)
        for finding in _unknown(
            f"{event.worker} {'was lost' if isinstance(event, WorkerLost) else 'could not write its rows'}, "
            f"{event.at_ns / NS_PER_S:.1f} s into the run{_with_users(event.users)}: {event.why}"
        )
    ]


def _with_users(users: int | None) -> str:
    return "" if users is None else f", with {users} {'user' if users == 1 else 'users'}"


def _faults(evidence: VerdictInputs) -> list[Finding]:
    return reasons.of_matrix(evidence.matrix) if evidence.matrix else reasons.of_faults(evidence.impacts)


def _kept_down(evidence: VerdictInputs) -> list[Finding]:
    """Fail when retries kept the service down after a fault was healed."""
    retries = evidence.summary.retries
    return [
        Finding(
            "fail",
            f"retries kept the service down after {one.fault} was healed: of {one.offered_rps:,.0f} attempts a second, "
            f"{one.retried_share:.0%} of them retries, {one.goodput_rps:,.0f} succeeded; before the fault "
            f"{one.goodput_rps_before:,.0f} of {one.offered_rps_before:,.0f}",
            errors.FAILED,
        )
        for one in (retries.kept_down if retries else ())
    ]


def _mostly_failed(evidence: VerdictInputs) -> list[Finding]:
    return mostly_failed.findings(evidence.summary, [one.objective.metric for one in evidence.observations])


def _no_good_level(evidence: VerdictInputs) -> list[Finding]:
    ends = {event.reason for event in evidence.events if isinstance(event, RunEnded)}
    if NO_GOOD_LEVEL not in ends:
        return []
    reason = "no level of the ramp was good, so there was no last good level to sustain"
    return [Finding("fail", reason, errors.FAILED)]


def _capacity(evidence: VerdictInputs) -> list[Finding]:
    """The findings about searches that came to no number."""
    if evidence.summary.found_capacity is UNSET:
        return []
    findings = []
    for one in evidence.summary.found_capacity:
        if one.word == "below":
            findings.append(Finding("fail", f"{one.step}: {one.why}", errors.FAILED))
        elif one.word == "unknown" or (one.word == "at_least" and one.limited_by is None):
            findings += _unknown(f"{one.step}: {one.why}")
    return findings


def _aborted(evidence: VerdictInputs) -> list[Finding]:
    """Fail when an abort rule of the scenario ended the run."""
    return [
        Finding(
            "fail",
            f"the run was stopped early: {event.rule} ({event.why or f'since {event.since_s or 0.0:.0f} s'})",
            errors.FAILED,
        )
        for event in evidence.events
        if isinstance(event, Aborted)
    ]


def _work(evidence: VerdictInputs) -> list[Finding]:
    """The findings about acknowledged work; no objective needs to ask for them."""
    return work.findings(evidence.work)


def _experiment(evidence: VerdictInputs) -> list[Finding]:
    """The finding about the Chaos Toolkit experiment, if the run belonged to one."""
    endings = [event for event in evidence.events if isinstance(event, ExperimentEnded)]
    if not endings or (endings[-1].status == "completed" and not endings[-1].deviated):
        return []
    last = endings[-1]
    if last.deviated:
        reason = f"the experiment {last.title!r} deviated: its hypothesis did not hold"
        return [Finding("fail", reason, errors.FAILED)]
    return _unknown(f"the experiment {last.title!r} {last.status}: journal.json and experiment.log say more")


def _parts(evidence: VerdictInputs) -> list[Finding]:
    return lost_parts.findings(evidence.events)


def _stalled(evidence: VerdictInputs) -> list[Finding]:
    return stalls.findings(evidence.events)


CHECKS: Final[tuple[Check, ...]] = (
    _stalled,  # before its possible consequences
    _parts,
    _workers,  # before the end of the run, which it may have caused
    _ended,
    _damaged,
    _nothing_measured,
    _lost,
    _saturated,
    _not_held,
    _behind,
    _crew,
    _balanced,
    _kept_down,
    _faults,
    _experiment,
    _work,
    _no_good_level,
    _aborted,
    _capacity,
    _mostly_failed,
)
