"""summary.json (schema 1): the numbers of a run in one object, every key present.

What a run could not know is null: work until a scenario has it, `cpu_max` of a target that is not ours. Rates are shares of one, times are seconds since the run's epoch. Verdict, reasons and the outcomes
of objectives are filled in by `harness.verdict`, which reads this.
`totals.requests` and the bytes are of all rows; `operations` has all of them, too. Everything else is of the calls of the
load (harness.mcp.operations).
Totals, operations and failures leave out the warm-up; steps never contain it, and leave out the time of faults.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from harness.analysis import (
    arrivals,
    breaking_point,
    capacity,
    failures,
    faults,
    knee,
    latency,
    loss,
    metastable,
    operations,
    retries,
    saturation,
    sessions,
    steps,
    strangers,
    throughput,
    warming,
)
from harness.analysis.breaking_point import Level
from harness.analysis.calls import NEITHER, Calls
from harness.analysis.faults import Fault
from harness.analysis.impact import Impact
from harness.analysis.loss import Numbering
from harness.analysis.matrix import Row
from harness.analysis.rounding import ratio, seconds
from harness.analysis.saturation import Saturation
from harness.analysis.spans import FOREVER
from harness.analysis.steps import Step
from harness.analysis.weakness import Weakness
from harness.analysis.work import Work
from harness.mcp import outcome
from harness.record import events as kinds
from harness.record.events import Event
from harness.units import NS_PER_S

SCHEMA: Final = 1
CONFIRM: Final = "confirm"  # the kind of a step that repeats the level before it


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a run left behind, as values."""

    run_dir: str
    metadata: Mapping[str, Any]
    plan: Mapping[str, Any]
    events: Sequence[Event]
    calls: Calls
    load: Calls  # those of the load
    numbering: Numbering
    undone: bool = False  # nothing is left in undo.jsonl
    work: Work | None = None  # what became of it


def timeline(recorded: Recorded) -> tuple[Step, ...]:
    """The steps of a run; one that was cut off is closed at the last sample."""
    calls = recorded.calls
    settle = {str(step.get("phase")): float(step.get("settle_s") or 0) for step in _plan_steps(recorded)}
    return steps.timeline(recorded.events, int(calls.done_ns.max()) if len(calls) else 0, settle)


def fault_timeline(recorded: Recorded) -> tuple[Fault, ...]:
    """The faults of a run; a window that nobody closed ends with the last sample."""
    calls = recorded.calls
    last_ns = int(calls.done_ns.max()) if len(calls) else 0
    return faults.timeline(recorded.plan, recorded.events, last_ns, undone=recorded.undone)


def after_warmup(recorded: Recorded, calls: Calls) -> Calls:
    """Those of the calls of a run that count."""
    warmup_ns = int(float(recorded.metadata.get("warmup_s") or 0) * NS_PER_S)
    if not warmup_ns:
        return calls
    started = next((one.at_ns for one in recorded.events if one.event == kinds.RUN_STARTED), 0)
    return calls.between(started + warmup_ns, FOREVER)


def assemble(
    recorded: Recorded,
    timed: Sequence[Step],
    impacts: Sequence[Impact] = (),
    rows: Sequence[Row] = (),
    weaknesses: Sequence[Weakness] = (),
    saturated: Saturation | None = None,
) -> dict[str, Any]:
    """Everything but the judgement."""
    saturated = saturated or saturation.judge(recorded.events, recorded.load, timed)
    meta = recorded.metadata
    rows_counted, calls = after_warmup(recorded, recorded.calls), after_warmup(recorded, recorded.load)
    disturbed = faults.disturbed(impact.fault for impact in impacts)
    measured = [
        steps.measure(recorded.load, step, disturbed)
        | warming.row(warming.measure(recorded.load, step, disturbed))
        for step in timed
    ]
    fit, capacity_reason = capacity.measure(measured)
    found_knee = knee.find(capacity.levels(measured))
    policy = recorded.plan.get("retries")
    kept_down = metastable.measure(recorded.load, [one.fault for one in impacts], timed) if policy else ()
    return {
        "schema": SCHEMA,
        "run_id": meta.get("run_id"),
        "run_dir": recorded.run_dir,
        "scenario": meta.get("scenario"),
        "command": meta.get("command"),
        "started_at": meta.get("started_at"),
        "duration_s": _duration_s(recorded),
        "seed": meta.get("seed"),
        "timeout_s": meta.get("timeout_s"),
        "target": _target(meta.get("target") or {}),
        "totals": _totals(recorded, rows_counted, calls),
        "latency_ms": latency.tables(calls),
        "operations": operations.measure(rows_counted),
        "failures": failures.measure(calls),
        "steps": measured,
        "breaking_point": _breaking_point(recorded, timed),
        "capacity": fit.row() if fit else None,
        "capacity_reason": capacity_reason,
        "knee": found_knee.as_row() if found_knee else None,
        "faults": [impact.row for impact in impacts],
        "matrix": _matrix(rows, weaknesses),
        "sessions": sessions.measure(rows_counted, _survived_restart(impacts)),
        "work": recorded.work.as_row() if recorded.work else None,
        "retries": retries.measure(calls, policy, recorded.events, kept_down),
        "generator": _generator(recorded, timed, measured, saturated),
        "objectives": [],
        "verdict": None,
        "reasons": [],
        "exit_code": None,
    }


def _matrix(rows: Sequence[Row], weaknesses: Sequence[Weakness]) -> dict[str, Any] | None:
    if not rows:
        return None
    return {
        "rows": [row.as_row() for row in rows],
        "weaknesses": [one.as_row() for one in weaknesses],
    }


def _survived_restart(impacts: Sequence[Impact]) -> bool | None:
    return sessions.survived_restart([(impact.fault, impact.fate) for impact in impacts])


def _target(target: Mapping[str, Any]) -> dict[str, Any]:
    server = target.get("server")
    return {
        "url": target.get("url"),
        "transport": target.get("transport"),
        "protocol": target.get("protocol"),
        "server": {"name": server.get("name"), "version": server.get("version")} if server else None,
        "cpu_max": target.get("cpu_max"),
        "rss_max_mb": target.get("rss_max_mb"),
    }


def _totals(recorded: Recorded, every: Calls, calls: Calls) -> dict[str, Any]:
    judged = steps.tally(calls)
    first_ns = int(calls.intended_ns[0]) if len(calls) else 0
    not_sent = arrivals.within(arrivals.unsent(recorded.events), [(first_ns, FOREVER)])
    span_ns = throughput.span_ns(calls)
    return {
        "requests": len(every),
        "calls": judged.requests,
        "ok": judged.ok,
        "failed": judged.failed,
        "neither": calls.count(NEITHER),
        "rate_limited": calls.of_outcome(outcome.RATE_LIMITED),
        "not_sent": not_sent,
        "success_rate": ratio(judged.ok, judged.ok + judged.failed),
        **throughput.measure(calls, span_ns, not_sent),
        "bytes_in": int(every.bytes_in.sum(dtype="int64")),
        "bytes_out": int(every.bytes_out.sum(dtype="int64")),
    }


def _generator(
    recorded: Recorded, timed: Sequence[Step], rows: Sequence[dict[str, Any]], saturated: Saturation
) -> dict[str, Any]:
    measured = [(step.start_ns, step.end_ns) for step in timed]
    health = saturation.measure(recorded.events, measured)
    found = {key: health[key] for key in ("cpu_max", "run_delay_max", "lag_ms_p99")}
    if health["saturated"] is False and (saturated.excesses or arrivals.fell_behind(recorded.events, rows)):
        health["saturated"] = True
    return {
        "workers": recorded.metadata.get("workers"),
        **found,
        "added_ms": saturated.added_ms,
        "clock_error_ms": recorded.metadata.get("clock_error_ms"),
        "saturated": health["saturated"],
        **loss.measure(recorded.events, recorded.numbering),
        "not_held": recorded.calls.of_outcome(outcome.NOT_HELD),
        "strangers_refused": strangers.attempts(recorded.events),
    }


def _breaking_point(recorded: Recorded, timed: Sequence[Step]) -> dict[str, Any] | None:
    """Found again from the samples; a break that only the conductor could see is taken from its event."""
    limits = {
        str(step.get("phase")): float(step["break_below"])
        for step in _plan_steps(recorded)
        if step.get("break_below") is not None
    }
    levels = [
        Level(
            step.users,
            steps.tally(recorded.load.between(step.start_ns, step.end_ns)),
            limits[step.name],
            repeats=step.kind == CONFIRM,
        )
        for step in timed
        if step.users is not None and step.name in limits and not step.cut_off
    ]
    found = breaking_point.find(levels)
    if found is not None:
        return asdict(found)
    told = next((event.data for event in recorded.events if event.event == kinds.BREAK), None)
    keys = ("users", "last_good_users", "reason", "confirmed")
    if told is None:
        return None
    # Of a ramp of a rate the sizes are rates.
    return {
        key: told.get(key) for key in (*keys, *(key for key in ("rate", "last_good_rate") if key in told))
    }


def _duration_s(recorded: Recorded) -> float:
    """From the start of the load to the end of the run; a run that was cut off ends with its last sample."""
    at = {event.event: event.at_ns for event in recorded.events}
    start = at.get(kinds.RUN_STARTED, 0)
    calls = recorded.calls
    end = at.get(kinds.RUN_ENDED, int(calls.done_ns.max()) if len(calls) else start)
    return max(0.0, seconds(end - start))


def _plan_steps(recorded: Recorded) -> Sequence[Mapping[str, Any]]:
    found = recorded.plan.get("steps")
    return found if isinstance(found, list) else []
