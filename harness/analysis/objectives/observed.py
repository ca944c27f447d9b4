"""The observed value of an objective, in the unit of its metric.

Definitions. Without a scope an objective looks at the measured windows of the load steps, without the disturbed
time of faults and the calls that it touched; `in STEP` at the windows of that step, faults and all; `during
FAULT` at the calls that the fault's window touched; `after FAULT` at the same from its healing on,
`overall` at the whole run (without its warm-up). Otherwise a call belongs by its intended start, and always by
its completion for throughput. It looks at the calls of the load, or at the operation that it names.
Latency: a failed call counts as infinitely slow, so that a server that fails fast cannot pass. Percentiles
need ten calls above them to be shown, as everywhere; fewer may do to decide. Arrivals that were not sent count as
infinitely slow, too, and no objective on success holds when there are any.

`decision` says whether the objective is held (harness.analysis.objectives.decision); without one the value is compared as it is.
`value` is None when nothing can be shown, and `why` says why; with neither the verdict is unknown.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from harness.analysis.calls import latency
from harness.analysis.calls.calls import FAILED, OK, Calls, Ints
from harness.analysis.faults import exposure
from harness.analysis.faults.impact import Impact
from harness.analysis.faults.planned import disturbed
from harness.analysis.levels import steps, strata
from harness.analysis.objectives import decision
from harness.analysis.objectives.observation import Observation
from harness.analysis.statistics import confidence, spans
from harness.analysis.statistics.spans import Span
from harness.foundation.units import NS_PER_MS, NS_PER_S
from harness.mcp import outcome
from harness.run_directory.results import WorkResult
from harness.scenario.catalogue import METRICS, QUANTILES
from harness.scenario.objectives import Objective

SLOWEST: Final = np.iinfo(np.int64).max


class GeneratorShare(Protocol):
    """The time in ms that the load generator added to latencies, at most; None when unknown."""

    def added_ms(self, calls: Sequence[Calls], per_mille: int, beyond: int = 0) -> float | None: ...

    def mean_ms(self, calls: Sequence[Calls]) -> float | None: ...


@dataclass(frozen=True, slots=True)
class ObjectiveInputs:
    """The data that objectives are compared with."""

    calls: Calls
    load: Calls  # those of them that are calls of the load
    steps: Sequence[steps.Step]
    impacts: Sequence[Impact] = ()
    added: GeneratorShare | None = None
    work: WorkResult | None = None
    sessions_lost: int = 0


def observe(objective: Objective, evidence: ObjectiveInputs) -> Observation:
    """The observed value of one objective."""
    if objective.metric in _COUNTED:
        return _COUNTED[objective.metric](objective, evidence)
    where = _where(objective, evidence)
    if not where:
        return Observation(objective, None, _nowhere(objective))
    where = strata.cut(where, strata.edges(evidence.steps, (one.fault for one in evidence.impacts)))
    calls = evidence.load
    if objective.operation is not None:
        calls = evidence.calls.of_operation(objective.operation)
    begun = _begun(objective, evidence, calls, where)
    unsent = _not_sent(objective, evidence, where)
    if not unsent and not any(len(part) for part in begun):
        named = f" of {objective.operation}" if objective.operation else ""
        return Observation(objective, None, f"no call{named} began in that time")
    if objective.metric == "throughput":
        return _throughput(objective, calls, where)
    if METRICS[objective.metric].unit == "ms":
        return _latency(objective, begun, unsent, evidence.added)
    return _share_or_count(objective, begun, unsent)


def _not_sent(objective: Objective, evidence: ObjectiveInputs, where: Sequence[Span]) -> int:
    """The number of arrivals that were not sent; 0 for one operation, because they have none."""
    if objective.operation is not None:
        return 0
    if objective.scope == "overall":
        return sum(count for _, count in next((one.unsent for one in evidence.steps if one.unsent), ()))
    return steps.not_sent(evidence.steps, where)


def _where(objective: Objective, evidence: ObjectiveInputs) -> list[Span]:
    measured = [(step.start_ns, step.end_ns) for step in evidence.steps]
    match objective.scope:
        case "overall":
            calls = evidence.calls
            return [(int(calls.intended_ns[0]), int(calls.done_ns.max()) + 1)] if len(calls) else []
        case "in":
            return spans.union(
                (one.start_ns, one.end_ns) for one in evidence.steps if one.name == objective.name
            )
        case "during":
            return spans.union(_windows(evidence, objective.name))
        case "after":
            healed = [one.fault.healed_ns for one in _named(evidence, objective.name)]
            later = spans.common(measured, [(at_ns, spans.FOREVER) for at_ns in healed if at_ns is not None])
            return spans.without(later, _disturbed(evidence))
        case _:
            return spans.without(measured, _disturbed(evidence))


def _nowhere(objective: Objective) -> str:
    if objective.scope in {"in", "during", "after"}:
        return f"nothing was measured {objective.scope} {objective.name}"
    return "no step was measured"


def _begun(
    objective: Objective, evidence: ObjectiveInputs, calls: Calls, where: Sequence[Span]
) -> list[Calls]:
    """The calls that the objective looks at, span by span, so that little is copied."""
    if objective.scope == "during":
        return [exposure.touched(calls, where)]
    begun = [calls.between(start, end) for start, end in where]
    if objective.scope in {"", "after"}:
        begun = [exposure.untouched(part, _disturbed(evidence)) for part in begun]
    return begun


def _named(evidence: ObjectiveInputs, name: str | None) -> list[Impact]:
    return [impact for impact in evidence.impacts if name in {None, impact.fault.name}]


def _windows(evidence: ObjectiveInputs, name: str | None) -> list[Span]:
    windows = (impact.fault.window for impact in _named(evidence, name))
    return [window for window in windows if window is not None]


def _disturbed(evidence: ObjectiveInputs) -> list[Span]:
    return disturbed(impact.fault for impact in evidence.impacts)


def slowness(calls: Calls) -> Ints:
    """The response times in ns; failed calls are infinitely slow, and calls that are neither are left out."""
    decided = (calls.kind == OK) | (calls.kind == FAILED)
    durations: Ints = np.where(calls.kind == OK, calls.done_ns - calls.intended_ns, SLOWEST)[decided]
    return durations


def _throughput(objective: Objective, calls: Calls, where: Sequence[Span]) -> Observation:
    done_ns = calls.done_ns[calls.kind == OK]
    count = sum(int(np.count_nonzero((done_ns >= start) & (done_ns < end))) for start, end in where)
    value = count * NS_PER_S / spans.length_ns(where)
    low, high = (edge * NS_PER_S for edge in confidence.rate(done_ns, where, confidence.ONE_END))
    return Observation(objective, value, decision=decision.rate(objective, (low, high), value))


def _latency(
    objective: Objective, begun: Sequence[Calls], unsent: int, added: GeneratorShare | None
) -> Observation:
    parts = [slowness(part) for part in begun]
    durations_ns = np.concatenate([*parts, np.full(unsent, SLOWEST)])
    if not len(durations_ns):
        return Observation(objective, None, "no call succeeded or failed in that time")
    failed = int(np.count_nonzero(durations_ns == SLOWEST))
    why = f"{failed:,} of {len(durations_ns):,} calls failed and count as infinitely slow"
    lengths = [*map(len, parts), unsent]
    if objective.metric in QUANTILES:
        value, need = _percentile_ms(objective.metric, durations_ns)
        added_ms = _added_ms(objective, begun, failed, added)
        made = decision.percentile(objective, durations_ns, lengths, added_ms)
        return Observation(objective, value, need or (why if value == math.inf else ""), decision=made)
    if failed:
        return Observation(objective, math.inf, why)
    if objective.metric == "max":
        return Observation(objective, float(durations_ns.max()) / NS_PER_MS)
    added_ms = _added_ms(objective, begun, failed, added)
    made = decision.mean(objective, durations_ns, lengths, added_ms)
    return Observation(objective, float(durations_ns.mean()) / NS_PER_MS, decision=made)


def _percentile_ms(metric: str, durations_ns: Ints) -> tuple[float | None, str]:
    """The percentile in ms, or why it is not shown."""
    value_ns = latency.percentiles(durations_ns, [metric])[metric]
    if value_ns is not None:
        return (math.inf if value_ns == SLOWEST else value_ns / NS_PER_MS), ""
    need = latency.needed(QUANTILES[metric])
    return None, f"{metric} is shown from {need:,} calls on, there were {len(durations_ns):,}"


def _added_ms(
    objective: Objective, begun: Sequence[Calls], failed: int, added: GeneratorShare | None
) -> float:
    """The time in ms that the generator added to this figure; 0 if unknown (the run is not trusted then)."""
    if added is None:
        return 0.0
    if objective.metric == "mean":
        return added.mean_ms(begun) or 0.0
    return added.added_ms(begun, QUANTILES[objective.metric], failed) or 0.0


def _share_or_count(objective: Objective, begun: Sequence[Calls], unsent: int) -> Observation:
    if objective.metric in {outcome.RATE_LIMITED, outcome.UNAUTHORIZED}:
        return Observation(objective, sum(part.of_outcome(objective.metric) for part in begun))
    failed = sum(part.count(FAILED) for part in begun)
    if objective.metric == "failed":
        return Observation(objective, failed)
    good = [part.kind[(part.kind == OK) | (part.kind == FAILED)] == OK for part in begun]
    decided = sum(map(len, good))
    if not decided and not unsent:
        return Observation(objective, None, "no call succeeded or failed in that time")
    value = (decided - failed) / (decided + unsent)
    if unsent:
        return Observation(objective, value, broken=f"{unsent:,} arrivals were not sent")
    made = decision.success(objective, np.concatenate(good), list(map(len, good)))
    return Observation(objective, value, decision=made)


def _recovery(objective: Objective, evidence: ObjectiveInputs) -> Observation:
    """The slowest recovery; infinite for a fault from which the service did not recover."""
    impacts = _named(evidence, objective.name)
    if not impacts:
        return Observation(objective, None, "there was no such fault")
    for impact in impacts:
        if impact.recovery.outcome == "not_recovered" and not impact.fault.placebo:
            still = f": {impact.recovery.still}" if impact.recovery.still else ""
            seen_s = f"{impact.recovery.observed_s:.0f} s"
            why = f"not recovered {seen_s} after healing {impact.fault.name}{still}"
            return Observation(objective, math.inf, why)
    for impact in impacts:
        if impact.recovery.recover_s is None:
            why = impact.recovery.why or "the placebo did not recover"
            return Observation(objective, None, f"recovery after {impact.fault.name} is not known: {why}")
    slowest = max(impacts, key=lambda impact: impact.recovery.recover_s or 0.0).recovery
    return Observation(
        objective, slowest.recover_s, f"{slowest.slowest} recovered last" if slowest.slowest else ""
    )


def _work(objective: Objective, evidence: ObjectiveInputs) -> Observation:
    work = evidence.work
    if work is None:
        return Observation(objective, None, "the scenario has no `work`, so entries were not counted")
    count = work.missing if objective.metric == "missing" else work.duplicated
    if count is None:
        return Observation(objective, None, f"what was written could not be read back: {work.unread}")
    return Observation(objective, float(count))


def _sessions_lost(objective: Objective, evidence: ObjectiveInputs) -> Observation:
    return Observation(objective, float(evidence.sessions_lost))


# Metrics that are read from earlier results, not from the calls.
_COUNTED: Final[dict[str, Callable[[Objective, ObjectiveInputs], Observation]]] = {
    "recovery": _recovery,
    "missing": _work,
    "duplicated": _work,
    "lost": _sessions_lost,
}
