"""The summary of a run (`harness.run_directory.results`): its numbers in one value.

A value that the run could not know is None: work if the scenario has none, `cpu_max` of a target that the
harness did not start. Rates are shares of one; times are seconds since the start of the run. The verdict is
unknown until `harness.analysis.verdict` fills in verdict, reasons and the outcomes of objectives.
`totals.requests` and the bytes are of all rows; `operations` has all of them, too. Everything else is of the
calls of the load (harness.mcp.operations). Totals, operations and failures leave out the warm-up; steps never
contain it, and leave out the time of faults.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec.structs import replace

from harness.analysis.calls import (
    arrivals,
    authorization,
    coverage,
    failures,
    latency,
    operations,
    processes,
    relayed,
    retries,
    sessions,
    throughput,
)
from harness.analysis.calls.calls import NEITHER, Calls
from harness.analysis.faults import metastable, planned
from harness.analysis.faults.impact import Impact
from harness.analysis.faults.matrix import Row
from harness.analysis.faults.planned import PlannedFault
from harness.analysis.faults.work import WorkOutcome
from harness.analysis.health import lost_calls, refused_workers, saturation
from harness.analysis.health.lost_calls import Numbering
from harness.analysis.health.saturation import Saturation
from harness.analysis.levels import breaking_point, capacity, found_capacity, knee, steps, warming
from harness.analysis.levels.breaking_point import Level
from harness.analysis.levels.steps import Step
from harness.analysis.statistics.rounding import ratio, seconds
from harness.analysis.statistics.spans import FOREVER, Span
from harness.foundation import errors
from harness.foundation.units import NS_PER_S
from harness.mcp import outcome
from harness.run_directory.event_kinds import Broke, Event, RunEnded, RunStarted
from harness.run_directory.results import (
    Added,
    BreakingPoint,
    GeneratorHealth,
    Intervals,
    Matrix,
    Server,
    StepResult,
    Summary,
    Target,
    Totals,
    Weakness,
)
from harness.run_directory.results.faults import NotApplicable

NO_INTERVALS: Final = Intervals(success_rate=None, throughput_rps=None, p50_ms=None, p95_ms=None, p99_ms=None)
CONFIRM: Final = "confirm"  # the kind of a step that repeats the level before it


@dataclass(frozen=True, slots=True)
class Recorded:
    """The content of the run directory, as values."""

    run_dir: str
    metadata: Mapping[str, Any]
    plan: Mapping[str, Any]
    events: Sequence[Event]
    calls: Calls
    load: Calls  # those that are calls of the load
    numbering: Numbering
    undone: bool = False  # nothing is left in undo.jsonl
    work: WorkOutcome | None = None  # what became of the written entries


def timeline(recorded: Recorded) -> tuple[Step, ...]:
    """The steps of a run; one that was cut off is closed at the last sample."""
    calls = recorded.calls
    settle = {str(step.get("phase")): float(step.get("settle_s") or 0) for step in _plan_steps(recorded)}
    return steps.timeline(recorded.events, int(calls.done_ns.max()) if len(calls) else 0, settle)


def fault_timeline(recorded: Recorded) -> tuple[PlannedFault, ...]:
    """The faults of a run; a window that nobody closed ends with the last sample."""
    calls = recorded.calls
    last_ns = int(calls.done_ns.max()) if len(calls) else 0
    return planned.timeline(recorded.plan, recorded.events, last_ns, undone=recorded.undone)


def after_warmup(recorded: Recorded, calls: Calls) -> Calls:
    """The calls after the warm-up."""
    warmup_ns = int(float(recorded.metadata.get("warmup_s") or 0) * NS_PER_S)
    if not warmup_ns:
        return calls
    started = next((one.at_ns for one in recorded.events if isinstance(one, RunStarted)), 0)
    return calls.between(started + warmup_ns, FOREVER)


def assemble(
    recorded: Recorded,
    timed: Sequence[Step],
    impacts: Sequence[Impact] = (),
    rows: Sequence[Row] = (),
    weaknesses: Sequence[Weakness] = (),
    saturated: Saturation | None = None,
    intervals: Intervals = NO_INTERVALS,
) -> Summary:
    """The summary without its verdict."""
    saturated = saturated or saturation.judge(recorded.events, recorded.load, timed)
    meta = recorded.metadata
    rows_counted, calls = after_warmup(recorded, recorded.calls), after_warmup(recorded, recorded.load)
    disturbed = planned.disturbed(impact.fault for impact in impacts)
    measured = tuple(_step(recorded, step, disturbed) for step in timed)
    fit, capacity_reason = capacity.measure(measured)
    policy = recorded.plan.get("retries")
    kept_down = metastable.measure(recorded.load, [one.fault for one in impacts], timed) if policy else ()
    return Summary(
        schema=1,
        run_id=meta.get("run_id"),
        run_dir=recorded.run_dir,
        scenario=meta.get("scenario"),
        command=meta.get("command"),
        started_at=meta.get("started_at"),
        duration_s=_duration_s(recorded),
        seed=meta.get("seed"),
        timeout_s=meta.get("timeout_s"),
        target=_target(meta.get("target") or {}),
        totals=_totals(recorded, rows_counted, calls),
        latency_ms=latency.tables(calls),
        operations=operations.measure(rows_counted),
        failures=failures.measure(calls),
        steps=measured,
        breaking_point=_breaking_point(recorded, timed),
        capacity=fit.result() if fit else None,
        capacity_reason=capacity_reason,
        knee=knee.find(capacity.levels(measured)),
        faults=tuple(impact.result for impact in impacts),
        matrix=_matrix(rows, weaknesses, recorded.plan.get("not_applicable") or {}),
        sessions=sessions.measure(rows_counted, _survived_restart(impacts)),
        work=recorded.work.result() if recorded.work else None,
        retries=retries.measure(calls, policy, recorded.events, kept_down),
        generator=_generator(recorded, timed, measured, saturated),
        objectives=(),
        verdict="unknown",
        reasons=(),
        exit_code=errors.UNKNOWN,
        intervals=intervals,
        processes=processes.measure(rows_counted, (meta.get("target") or {}).get("processes")),
        relayed=relayed.measure((meta.get("target") or {}).get("relayed")),
        coverage=coverage.measure(calls, meta.get("coverage")),
        authorization=authorization.measure(rows_counted, meta.get("target") or {}),
        found_capacity=found_capacity.measure(
            found_capacity.Evidence(
                recorded.load,
                recorded.events,
                recorded.plan,
                timed,
                measured,
                (meta.get("machine") or {}).get("cores"),
            )
        ),
    )


def _step(recorded: Recorded, step: Step, disturbed: Sequence[Span]) -> StepResult:
    warmed_up = warming.measure(recorded.load, step, disturbed)
    measured = steps.measure(recorded.load, step, disturbed)
    return replace(measured, warming_up_s=warming.rounded_s(warmed_up))


def _matrix(
    rows: Sequence[Row], weaknesses: Sequence[Weakness], not_applicable: Mapping[str, Sequence[str]]
) -> Matrix | None:
    if not rows:
        return None
    return Matrix(
        rows=tuple(row.result() for row in rows),
        weaknesses=tuple(weaknesses),
        not_applicable=tuple(NotApplicable(tuple(each), why) for why, each in not_applicable.items()),
    )


def _survived_restart(impacts: Sequence[Impact]) -> bool | None:
    return sessions.survived_restart([(impact.fault, impact.fate) for impact in impacts])


def _target(target: Mapping[str, Any]) -> Target:
    server = target.get("server")
    return Target(
        url=target.get("url"),
        transport=target.get("transport"),
        protocol=target.get("protocol"),
        server=Server(name=server.get("name"), version=server.get("version")) if server else None,
        cpu_max=target.get("cpu_max"),
        rss_max_mb=target.get("rss_max_mb"),
        **({"insecure": True} if target.get("insecure") else {}),
    )


def _totals(recorded: Recorded, every: Calls, calls: Calls) -> Totals:
    judged = steps.tally(calls)
    first_ns = int(calls.intended_ns[0]) if len(calls) else 0
    not_sent = arrivals.within(arrivals.unsent(recorded.events), [(first_ns, FOREVER)])
    span_ns = throughput.span_ns(calls)
    return Totals(
        requests=len(every),
        calls=judged.requests,
        ok=judged.ok,
        failed=judged.failed,
        neither=calls.count(NEITHER),
        rate_limited=calls.of_outcome(outcome.RATE_LIMITED),
        not_sent=not_sent,
        success_rate=ratio(judged.ok, judged.ok + judged.failed),
        **throughput.measure(calls, span_ns, not_sent),
        bytes_in=int(every.bytes_in.sum(dtype="int64")),
        bytes_out=int(every.bytes_out.sum(dtype="int64")),
    )


def _generator(
    recorded: Recorded, timed: Sequence[Step], measured: Sequence[StepResult], saturated: Saturation
) -> GeneratorHealth:
    health = saturation.measure(recorded.events, [(step.start_ns, step.end_ns) for step in timed])
    lost = lost_calls.measure(recorded.events, recorded.numbering)
    too_slow = bool(saturated.excesses or arrivals.fell_behind(recorded.events, measured))
    return GeneratorHealth(
        workers=recorded.metadata.get("workers"),
        cpu_max=health.cpu_max,
        run_delay_max=health.run_delay_max,
        lag_ms_p99=health.lag_ms_p99,
        added_ms=Added(**saturated.added_ms),
        clock_error_ms=recorded.metadata.get("clock_error_ms"),
        saturated=too_slow if health.reported else None,
        started=lost.started,
        recorded=lost.recorded,
        lost=lost.lost,
        lost_at_least=lost.lost_at_least,
        not_held=recorded.calls.of_outcome(outcome.NOT_HELD),
        strangers_refused=refused_workers.attempts(recorded.events),
    )


def _breaking_point(recorded: Recorded, timed: Sequence[Step]) -> BreakingPoint | None:
    """The breaking point from the samples, or from its event if only the conductor could see it."""
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
    measured = breaking_point.find(levels)
    if measured is not None:
        return measured
    broke_event = next((event for event in recorded.events if isinstance(event, Broke)), None)
    if broke_event is None:
        return None
    return BreakingPoint(
        users=broke_event.users,
        last_good_users=broke_event.last_good_users,
        reason=broke_event.reason,
        confirmed=broke_event.confirmed,
        rate=broke_event.rate,  # of a ramp of a rate the sizes are rates
        last_good_rate=broke_event.last_good_rate,
    )


def _duration_s(recorded: Recorded) -> float:
    """The time in seconds from the start of the load to the end of the run, or to its last sample."""
    at = {type(event): event.at_ns for event in recorded.events}
    start = at.get(RunStarted, 0)
    calls = recorded.calls
    end = at.get(RunEnded, int(calls.done_ns.max()) if len(calls) else start)
    return max(0.0, seconds(end - start))


def _plan_steps(recorded: Recorded) -> Sequence[Mapping[str, Any]]:
    planned_steps = recorded.plan.get("steps")
    return planned_steps if isinstance(planned_steps, list) else []
