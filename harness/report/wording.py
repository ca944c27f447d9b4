"""The sentences of a report: plain English, the same in every format."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from harness.analysis.calls import mostly_failed
from harness.analysis.faults.impact import Impact
from harness.analysis.faults.matrix import Row
from harness.analysis.faults.planned import PlannedFault
from harness.analysis.faults.recovery import GroupRecovery, Recovery
from harness.analysis.levels import capacity as levels_of_load
from harness.analysis.objectives.observation import Observation
from harness.analysis.statistics.rounding import BLANK, show
from harness.foundation.units import NS_PER_S, show_duration
from harness.mcp.operations import is_protocol
from harness.report import work_entries
from harness.report.reading import Reading
from harness.run_directory.event_kinds import ExperimentEnded
from harness.run_directory.results import Summary
from harness.scenario.catalogue import METRICS, told, where
from harness.scenario.inapplicable import rows_and_why

TAKEN = {
    "survived": "✓ survived",
    "degraded": "▲ degraded",
    "broke": "✕ broke",
    "not_exposed": "○ not exposed",
    "unknown": "? unknown",
}
UNJUDGED_MOST = 3
TIMES_FROM = 9  # from this ratio on, a margin in percent is useless
WORDS = {"pass": "Passed", "measured": "Measured", "fail": "Failed", "unknown": "Unknown"}


def verdict(summary: Summary) -> tuple[str, list[str]]:
    """The explanation of the verdict in one sentence, and further reasons."""
    reasons = list(summary.reasons)
    outcomes = [one.outcome for one in summary.objectives]
    if not reasons:
        return _held(len(outcomes)), []
    if summary.verdict == "fail" and 1 < outcomes.count("fail") == len(reasons):
        return f"{len(reasons)} of {len(outcomes)} objectives do not hold.", reasons
    return f"{_sentence(reasons[0])}.", reasons[1:]


def outcome(reading: Reading) -> str:
    """The verdict as people read it. Without an objective, a run that passed is called measured.

    The hypothesis of an experiment is an objective, too.
    """
    verdict_word = reading.summary.verdict
    experiment = any(isinstance(event, ExperimentEnded) for event in reading.events)
    return (
        "measured" if verdict_word == "pass" and not reading.objectives and not experiment else verdict_word
    )


def commonest_failure(summary: Summary) -> str:
    """The most frequent failure, with its text and its share of all calls; empty when none failed."""
    most = mostly_failed.commonest(summary)
    if not most:
        return ""
    count, calls = summary.failures[0].count, summary.totals.calls
    share = f", {show(count / calls, 'share')} of all" if calls else ""
    return f"{count:,} {'call' if count == 1 else 'calls'}{share}: {most}"


def protocol(summary: Summary) -> str:
    """The requests of the protocol: sessions opened and closed, streams; empty when there were none."""
    by_name: dict[str, list[int]] = {}
    for row in summary.operations:
        if is_protocol(row.operation):
            counts = by_name.setdefault(row.operation, [0, 0])
            counts[0] += row.requests
            counts[1] += row.failed
    counted = ", ".join(
        f"{requests:,} {name}" + (f" ({failed:,} failed)" if failed else "")
        for name, (requests, failed) in by_name.items()
    )
    return f"{counted}: not counted as calls" if counted else ""


def calls(reading: Reading) -> str:
    """Why the totals have more calls than the steps; empty when every call is in a step."""
    outside = reading.outside
    if outside.calls == outside.steps or not reading.levels or reading.matrix:
        return ""
    it, steps = ("it", "the step") if len(reading.levels) == 1 else ("they", "steps")
    apart = [
        (outside.steps, f"in {steps}"),
        (outside.starting, "while users started"),
        (outside.settling, f"while {it} settled"),
        (outside.faults, "during faults"),
        (outside.closing, f"while {it} closed"),
        (outside.other, "at other times"),
    ]
    return f"{outside.calls:,} in all: {', '.join(f'{count:,} {when}' for count, when in apart if count)}"


def retries(reading: Reading) -> str:
    """The results of retries; empty when there were none."""
    counts = reading.summary.retries
    if not counts or not (counts.retried or counts.budget_exhausted):
        return ""
    spent = counts.budget_exhausted
    return (
        f"{counts.retried:,} retries; {counts.succeeded:,} calls succeeded after a retry, "
        f"{counts.given_up:,} failed even so"
        + (f", {spent:,} retries were refused because the retry budget was used up" if spent else "")
        + f"; of {counts.calls:,} calls {show(counts.success_rate, 'share')} succeeded in the end"
    )


def _held(count: int) -> str:
    if not count:
        return "No objective was set, and the measurement can be trusted."
    return "The objective holds." if count == 1 else f"All {count} objectives hold."


def moment(summary: Summary) -> str:
    """The start of the run as a date for people."""
    text = summary.started_at or ""
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%-d %B %Y, %H:%M} UTC"
    except ValueError:
        return text


def work(reading: Reading) -> str:
    """What became of the counted entries; empty when there were none."""
    counts = reading.summary.work
    return work_entries.told(counts) if counts else ""


def breaking_point(reading: Reading) -> str:
    """The breaking point, or that there was none; empty for a run without a limit."""
    point = reading.summary.breaking_point
    if point:
        good = size(point.last_good_users, point.good_rate)
        before = (
            f"{good} was the last good level, so the breaking point lies between the two"
            if good
            else "no lower level was good"
        )
        confirmed = "confirmed by running the level again" if point.confirmed else "not confirmed"
        return f"{size(point.users, point.at_rate)}: {point.reason} ({confirmed}); {before}"
    limited = {
        step.get("phase") for step in reading.plan.get("steps") or [] if step.get("break_below") is not None
    }
    ramps = [level.step for level in reading.levels if level.step.name in limited]
    users = max((step.users for step in ramps if step.users), default=None)
    rate = max((step.rate for step in ramps if step.rate), default=None)
    return f"none up to {size(users, rate)}" if ramps else ""


def size(users: int | None, rate: float | None) -> str:
    """The size of a load: `50 users`, `500/s`; empty when there is neither."""
    parts = [f"{users} users" if users else "", f"{rate:,.6g}/s" if rate else ""]
    return " and ".join(filter(None, parts))


def knee(reading: Reading) -> str:
    """The level from which latency rose while calls still succeeded; empty when there is none."""
    knee_level = reading.summary.knee
    if knee_level is None:
        return ""
    if knee_level.one_at_a_time:
        return (
            f"the server takes one call at a time, at about {show(knee_level.rps, 'per_s')}: more users only wait longer "
            f"({knee_level.quantile} is {show(knee_level.ms, 'ms')} for 1 user and {show(knee_level.last_ms, 'ms')} for "
            f"{knee_level.last_users})"
        )
    return (
        f"beyond {knee_level.users} {'user' if knee_level.users == 1 else 'users'} more users mainly wait longer: {knee_level.quantile} is "
        f"{show(knee_level.last_ms, 'ms')} at {knee_level.last_users} users and {show(knee_level.ms, 'ms')} at {knee_level.users}; throughput of "
        f"ok calls is {show(knee_level.last_rps, 'per_s')} and {show(knee_level.rps, 'per_s')}"
    )


def capacity(reading: Reading) -> str:
    """The highest throughput, and whether it is the peak; empty for a run with one level."""
    highest = levels_of_load.highest(reading.summary.steps)
    if highest is None:
        return ""
    whose = "this machine, target and generator together" if _shared(reading) else "the target"
    measured = f"{show(highest.rps, 'per_s')} at {highest.users} users"
    fitted, reason = reading.summary.capacity, reading.summary.capacity_reason
    if fitted is None:
        return f"Highest throughput of {whose}: {measured}. No capacity is given: {reason}."
    low, high = (show(edge, "per_s") for edge in fitted.interval.rps)
    fewest, most = (f"{edge:.0f}" for edge in fitted.interval.users)
    return (
        f"Capacity of {whose}: {show(fitted.peak_rps, 'per_s')} (95% interval {low} to {high}) at "
        f"{fitted.peak_users} users ({fewest} to {most}), by the Universal Scalability Law; highest measured: {measured}."
    )


def _shared(reading: Reading) -> bool:
    """Whether generator and target run on the same machine."""
    target = reading.metadata.get("target") or {}
    url = str(target.get("url") or "")
    return bool(target.get("managed")) or any(host in url for host in ("//127.", "//localhost", "//[::1]"))


def margin(seen: Observation) -> str:
    """How far an objective was inside or beyond its bound."""
    objective, value = seen.objective, seen.value
    if value is None or math.isinf(value):
        return BLANK
    away = abs(value - objective.value)
    side = "inside" if objective.holds(value) else "beyond"
    if objective.unit == "share":
        points = f"{away * 100:.2f}".rstrip("0").rstrip(".")
        return f"{points} point{'' if points == '1' else 's'} {side}"
    if objective.unit == "count" or not objective.value:
        return f"{show(away, objective.unit)} {side}" if away else "exactly on it"
    if away > TIMES_FROM * objective.value:
        return f"{value / objective.value:,.0f} times the limit"
    return f"{away / objective.value * 100:,.0f}% {side}"


def fault_what(fault: PlannedFault) -> str:
    """The fault in words: `latency on the client link: latency 200ms, direction both`."""
    known = {name: value for name, value in fault.parameters.items() if value not in {0, ""}}
    what = f"{fault.kind} on {where(fault.link)}" if fault.link else fault.kind
    return f"{what}: {', '.join(parameters)}" if (parameters := told(fault.kind, known)) else what


def fault_did(impact: Impact) -> str:
    """What a fault that acts by itself did, the most frequent first: `118 connections, 118 cut`."""
    counts = sorted((impact.fault.did or {}).items(), key=lambda pair: -pair[1])
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts)


def fault_when(impact: Impact) -> str:
    """The time during which the fault was on; empty when it was never applied."""
    window = impact.fault.window
    if window is None:
        return ""
    start_s, end_s = (at_ns / NS_PER_S for at_ns in window)
    return f"{show_duration(round(start_s, 1))} to {show_duration(round(end_s, 1))}"


def fault_state(impact: Impact) -> tuple[str, str, str]:
    """A mark, the state of the fault, and the verdict word that goes with it."""
    fault = impact.fault
    if fault.healed is False:
        return "✕", "left over", "fail"
    if fault.window is None:
        return "?", "did not happen", "unknown"
    if not fault.verified:
        return "?", "not verified", "unknown"
    if not impact.exposure.calls:
        return "?", "touched no call", "unknown"
    return "✓", "verified", "pass"


def recovery(impact: Impact) -> tuple[str, str]:
    """How long the recovery took, or why that is not known; and a remark."""
    measured = impact.recovery
    if measured.outcome == "recovered":
        words = "at once" if not measured.recover_s else f"after {measured.recover_s:.0f} s"
        return words, _unjudged(measured)
    if measured.outcome == "not_recovered":
        return "not recovered", measured.not_back()
    return "not known", measured.why


def resolution(measured: Recovery) -> str:
    """How exact the recovery time is, and which operation recovered last; empty without a time."""
    if measured.outcome != "recovered" or not measured.recover_s:
        return ""
    last = f"{measured.slowest} recovered last" if measured.slowest else ""
    return ", ".join(filter(None, ("to the second", last)))


def operation_recovery(measured: GroupRecovery | None) -> str:
    """The recovery of one operation, in a word or two."""
    if measured is None or measured.outcome == "unknown":
        return "too few calls"
    if measured.outcome == "not_recovered":
        return "not recovered"
    return "at once" if not measured.recover_s else f"after {measured.recover_s:.0f} s"


def _unjudged(measured: Recovery) -> str:
    """The operations that have too few calls to be judged by themselves."""
    names = measured.unjudged
    if not names:
        return ""
    more = f" and {len(names) - UNJUDGED_MOST} others" if len(names) > UNJUDGED_MOST else ""
    return f"too few calls to judge separately: {', '.join(names[:UNJUDGED_MOST])}{more}"


def fate(impact: Impact) -> str:
    """What became of the sessions: `2 of 3 sessions went on, 1 lost, 1 opened again`; empty without any."""
    sessions = impact.fate
    if sessions is None or not sessions.present:
        return ""
    parts = [
        f"{sessions.survived:,} of {sessions.present:,} session{'s' if sessions.present != 1 else ''} went on",
        f"{sessions.lost:,} lost" if sessions.lost else "",
        f"{sessions.reopened:,} opened again" if sessions.reopened else "",
    ]
    return ", ".join(filter(None, parts))


def storm(impact: Impact) -> str:
    """The rush for new sessions: `up to 40 sessions asked for again in a second, ...`; empty without one."""
    reopening = impact.fate.storm if impact.fate else None
    if reopening is None:
        return ""
    return f"up to {reopening.peak_per_s:,} sessions reopened in a second, {reopening.asked:,} in all in {reopening.lasted_s:,.0f} s"


def fault_label(impact: Impact) -> str:
    """The fault in a few words, for a chart."""
    fault = impact.fault
    mark, state, _ = fault_state(impact)
    name = fault.name if len(fault.name) <= 32 else f"{fault.name[:31]}…"
    if state != "verified":
        return f"{name}: {mark} {state}"
    words, _ = recovery(impact)
    suffix = {"recovered": f"recovered {words}", "not_recovered": words, "unknown": ""}[
        impact.recovery.outcome
    ]
    kind = "" if fault.kind in fault.name else f" ({fault.kind})"
    return f"{name}{kind}: {suffix}" if suffix else f"{name}{kind}"


def fault_result(impact: Impact) -> str:
    """The result of the fault in a word or two: what is wrong with it, or how the service recovered."""
    mark, state, _ = fault_state(impact)
    if state != "verified":
        return f"{mark} {state}"
    words, _ = recovery(impact)
    return words if impact.recovery.outcome != "unknown" else f"? {words}"


def matrix_count(rows: Sequence[Row]) -> str:
    """How many faults had which outcome: `14 survived, 8 degraded, 1 broke of 23 faults`."""
    many = {name: sum(row.outcome == name for row in rows) for name in TAKEN}
    counted = [f"{count:,} {name.replace('_', ' ')}" for name, count in many.items() if count]
    return f"{', '.join(counted)} of {len(rows):,} {'fault' if len(rows) == 1 else 'faults'}"


def resilience(reading: Reading) -> list[tuple[str, str]]:
    """The outcomes of a matrix, counted, and the weaknesses; empty for a run that is no matrix."""
    counted = [("Resilience", matrix_count(reading.matrix))] if reading.matrix else []
    matrix = reading.summary.matrix
    weak = matrix.weaknesses if matrix else ()
    beyond = [
        ("Not applicable", rows_and_why(one.rows, one.why))
        for one in (matrix.not_applicable if matrix else ())
    ]
    return [*counted, *(("Weakness", f"{one.name}: {one.seen}") for one in weak), *beyond]


def back(row: Row) -> str:
    """How long after healing the service was as before."""
    impact = row.last
    if impact.fault.window is None or row.outcome == "not_exposed":
        return BLANK
    return {"not known": "?"}.get(words := recovery(impact)[0], words)


def work_lost(row: Row) -> str:
    """Acknowledged entries that are missing or there twice; blank when none were counted."""
    if row.work is None:
        return BLANK
    twice = f", {row.work.duplicated:,} twice" if row.work.duplicated else ""
    return f"{row.work.missing:,}{twice}"


def outcomes(summary: Summary) -> list[tuple[str, int]]:
    """The number of calls by outcome: ok first, then failures, the most frequent first."""
    failed: dict[str, int] = {}
    for row in summary.failures:
        failed[row.outcome] = failed.get(row.outcome, 0) + row.count
    rest = sorted(failed.items(), key=lambda pair: -pair[1])
    totals = summary.totals
    more = [("left out", totals.neither), ("not sent", totals.not_sent)]
    return [("ok", totals.ok), *rest, *((name, count) for name, count in more if count)]


def server(summary: Summary) -> str:
    """The name and version of the server, as far as it reported them."""
    identity = summary.target.server
    return " ".join(part for part in (identity.name, identity.version) if part) if identity else ""


def _sentence(text: str) -> str:
    """Capitalise the first letter, unless the text begins with an objective, which is quoted unchanged."""
    return text if text.split(" ", 1)[0] in METRICS else text[:1].upper() + text[1:]
