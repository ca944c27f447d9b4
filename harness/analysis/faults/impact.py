"""The impact of each fault: the calls before, during and after it, and `faults` of the summary.

Definitions. Before: the calls that the band of `recovery` is made of, the thirty seconds before. During: the
calls that the window touched (`exposure`). After: the calls that began in the thirty seconds from healing on, or
until the load step ends or the next fault comes. Success and latency as everywhere: of the calls of the load, latency of ok
calls. Exposed are rows of any kind: a fault that a handshake met has touched somebody.
Sessions lost: calls that ended as `session_lost` from the fault until the next one is applied, or to the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.calls import latency, sessions
from harness.analysis.calls.calls import Calls
from harness.analysis.faults import exposure, phases, recovery
from harness.analysis.faults.exposure import NOBODY, Exposure
from harness.analysis.faults.phases import Figures, Operation
from harness.analysis.faults.planned import PlannedFault, disturbed
from harness.analysis.faults.recovery import BEFORE_S, Recovery
from harness.analysis.levels import steps
from harness.analysis.levels.steps import Step
from harness.analysis.statistics import spans
from harness.analysis.statistics.rounding import ratio, seconds
from harness.analysis.statistics.spans import Span
from harness.foundation.units import NS_PER_S
from harness.mcp import outcome
from harness.run_directory.results import Exposed, FaultResult
from harness.run_directory.results.faults import SessionsFound
from harness.scenario.catalogue import FAULTS, is_behind


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """One fault and its effect; `result` is its row in the summary."""

    fault: PlannedFault
    exposure: Exposure
    before: Figures
    during: Figures
    after: Figures
    recovery: Recovery
    fate: SessionsFound | None = None  # what became of the sessions that it found
    operations: tuple[Operation, ...] = ()  # each operation, the most frequent first
    result: FaultResult

    @property
    def amplification(self) -> float | None:
        """How much slower the median call was, in multiples of the delay added per round trip; or None."""
        if self.fault.kind != "latency":
            return None
        added, was, now = self.fault.canaries.expected_ms, self.before.p50_ms, self.during.p50_ms
        return None if not added or was is None or now is None else round((now - was) / added, 2)


def measure(calls: Calls, faults: Sequence[PlannedFault], timed: Sequence[Step]) -> tuple[Impact, ...]:
    """The impact of every fault, in the order of the plan."""
    load = calls.of_load()
    return tuple(_impact(calls, load, fault, faults, timed) for fault in faults)


def _impact(
    calls: Calls, load: Calls, fault: PlannedFault, faults: Sequence[PlannedFault], timed: Sequence[Step]
) -> Impact:
    window = fault.window
    during = exposure.touched(load, [window] if window else [])
    touched = _exposed(calls, fault)
    recovered = recovery.measure(calls, fault, timed, faults)
    fate = sessions.fate(calls, fault, faults)
    before, after = _before(load, fault, faults, timed), _after(load, fault, faults, timed)
    operations = phases.by_operation(before, during, after, recovered)
    return Impact(
        fault=fault,
        exposure=touched,
        fate=fate,
        before=phases.figures(before),
        during=phases.figures(during),
        after=phases.figures(after),
        recovery=recovered,
        operations=operations,
        result=FaultResult(
            name=fault.name,
            kind=fault.kind,
            link=fault.link,
            start_s=seconds(window[0]) if window else None,
            end_s=seconds(window[1]) if window else None,
            verified=fault.verified,
            exposed=Exposed(calls=touched.calls, connections=touched.connections),
            healed=fault.healed,
            success_rate=_success(during),
            latency_ms=latency.tables(during),
            recover_s=recovered.recover_s,
            resolution_s=None if recovered.recover_s is None else recovery.RESOLUTION_S,
            sessions_lost=_sessions_lost(calls, window, faults),
            sessions=fate,
            did=None if fault.did is None else dict(fault.did),
            operations=tuple(one.result() for one in operations),
        ),
    )


def _exposed(calls: Calls, fault: PlannedFault) -> Exposure:
    new_only = fault.kind in FAULTS and FAULTS[fault.kind].exposes == "new"
    # On a link behind the target, the target opens the connections, not the harness.
    if fault.window is None or (new_only and is_behind(fault.link)):
        return NOBODY
    return exposure.exposed(calls, fault.window, new_only=new_only)


def _before(
    calls: Calls, fault: PlannedFault, faults: Sequence[PlannedFault], timed: Sequence[Step]
) -> Calls:
    back = recovery.before(fault, timed, faults)
    if not back:
        return calls.take(slice(0))
    # The seconds may have gaps, where another fault was on.
    rest = calls.between(back[-1][0], back[0][1])
    if not len(rest):
        return rest
    until_ns = int(rest.done_ns.max()) + 1  # a fault after these seconds can have touched the last calls
    near = [span for span in disturbed(faults) if spans.meets((back[-1][0], until_ns), [span])]
    return exposure.untouched(rest, near)


def _after(calls: Calls, fault: PlannedFault, faults: Sequence[PlannedFault], timed: Sequence[Step]) -> Calls:
    span = recovery.observed(fault, timed, faults)
    if span is None:
        return calls.take(slice(0))
    return calls.between(span[0], min(span[1], span[0] + BEFORE_S * NS_PER_S))


def _success(calls: Calls) -> float | None:
    judged = steps.tally(calls)
    return ratio(judged.ok, judged.ok + judged.failed)


def _sessions_lost(calls: Calls, window: Span | None, faults: Sequence[PlannedFault]) -> int:
    if window is None:
        return 0
    end_ns = sessions.until(window, faults)
    return calls.ended(window[0], end_ns).of_outcome(outcome.SESSION_LOST)
