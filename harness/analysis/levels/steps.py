"""Steps: when each level of load was measured, and what it did there.

    step_asked   step_running   start_ns              end_ns = step_done
        |-------------|------------|==== [start, end) ====|
        0            1 s          3 s                   11 s        (tests/analysis/levels/test_steps.py)

Definitions. A call belongs to the step in whose measured window [start, end) its intended start lies; that
decides requests, success rate and latency; all of them are of the calls of the load (harness.mcp.operations).
Throughput counts the ok calls completed in the window, whenever
they began. `unfinished` is a failure like any other. What open load could not send was offered all the same.
The disturbed time of faults (harness.analysis.faults.planned) is no part of a measured window: calls that were wanted or
on their way in it are left out, and rates are over what is left. A step that was disturbed from end to end has
no numbers.

A step without a `step_done` (the run was cut off) is closed at the last sample. A level that is repeated to
confirm a break appears again, in the order in which things happened.

`judge` is what the conductor calls while the run goes on; the summary counts with the same function.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.analysis.calls import arrivals, latency
from harness.analysis.calls.arrivals import Unsent
from harness.analysis.calls.calls import FAILED, OK, Calls, in_load, kinds_of
from harness.analysis.faults import exposure
from harness.analysis.statistics import correlation, spans
from harness.analysis.statistics.confidence import ONE_END
from harness.analysis.statistics.rounding import per_second, ratio, seconds
from harness.analysis.statistics.spans import Span
from harness.foundation.units import NS_PER_S
from harness.run_directory.event_kinds import Event, StepAsked, StepDone, StepJudged, StepRunning
from harness.run_directory.results import StepResult


@dataclass(frozen=True, slots=True)
class Judged:
    """The counts of the calls in a window; no success rate when no call was decided."""

    requests: int
    ok: int
    failed: int
    success_rate: float | None
    not_sent: int = 0  # arrivals of open load that nobody took
    worth: float = field(
        default=0.0, compare=False
    )  # so many independent calls (harness.analysis.statistics.correlation)

    @property
    def answered_rate(self) -> float | None:
        """The share of ok calls among decided calls and arrivals that were not sent; None without any."""
        decided = self.ok + self.failed + self.not_sent
        return self.ok / decided if decided else None

    def plus(self, other: "Judged") -> "Judged":
        """The sum of two parts of one window. It does not say how many of the calls are independent."""
        ok, failed = self.ok + other.ok, self.failed + other.failed
        rate = ok / (ok + failed) if ok + failed else None
        return Judged(self.requests + other.requests, ok, failed, rate, self.not_sent + other.not_sent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One level of load and its measured window."""

    index: int
    name: str
    kind: str
    users: int | None
    rate: float | None
    start_ns: int
    end_ns: int
    cut_off: bool = False
    not_sent: int | None = None  # as it was counted when the step was judged
    unsent: Unsent = ()


def judge(frame: pd.DataFrame, start_ns: int, end_ns: int) -> Judged:
    """The calls of the load whose intended start lies in [start, end); needs `intended_ns`, `outcome`, `operation`."""
    intended = frame["intended_ns"].to_numpy()
    kind, operation = kinds_of(frame["outcome"]), frame["operation"].astype("category").cat
    load = in_load(operation.codes.to_numpy(), [str(name) for name in operation.categories], kind)
    inside = (intended >= start_ns) & (intended < end_ns) & load
    return _judged(kind[inside][np.argsort(intended[inside], kind="stable")])


def tally(calls: Calls) -> Judged:
    """The counts of these calls."""
    return _judged(calls.kind)


def timeline(events: Iterable[Event], last_ns: int, settle_s: Mapping[str, float]) -> tuple[Step, ...]:
    """The measured steps, in order; `settle_s` (by name) is used for a step that was cut off."""
    happened = list(events)
    steps: list[Step] = []
    asked: StepAsked | None = None
    running: StepRunning | None = None
    for event in happened:
        if isinstance(event, StepAsked):
            asked, running = event, None
        elif isinstance(event, StepRunning) and asked is not None:
            running = event
        elif isinstance(event, StepDone) and asked is not None:
            steps.append(_step(asked, running, event.start_ns, event.end_ns))
            asked = None
        elif isinstance(event, StepJudged) and steps:
            steps[-1] = replace(steps[-1], not_sent=event.not_sent)
    if asked is not None and running is not None:
        start_ns = running.at_ns + int(settle_s.get(asked.name, 0.0) * NS_PER_S)
        if start_ns < last_ns:
            steps.append(replace(_step(asked, running, start_ns, last_ns), cut_off=True))
    left = arrivals.unsent(happened)
    return tuple(replace(step, unsent=left) if step.rate is not None else step for step in steps)


def not_sent(timed: Iterable[Step], where: Sequence[Span]) -> int:
    """The arrivals of these steps in these spans that were not sent; exact for a whole step."""
    spanned = ((step, spans.common([(step.start_ns, step.end_ns)], where)) for step in timed)
    return sum(_not_sent(step, part) or 0 for step, part in spanned)


def measure(calls: Calls, step: Step, disturbed: Sequence[Span] = ()) -> StepResult:
    """A row of `steps` in the summary, from the calls of the load; `warming` measures warm-up."""
    begun = calls.between(step.start_ns, step.end_ns)
    inside = exposure.untouched(begun, disturbed)
    judged = tally(inside)
    where = spans.without([(step.start_ns, step.end_ns)], disturbed)
    span_ns = spans.length_ns(where)
    unsent = _not_sent(step, where)
    return StepResult(
        index=step.index,
        kind=step.kind,
        users=step.users,
        rate=step.rate,
        start_s=seconds(step.start_ns),
        end_s=seconds(step.end_ns),
        requests=judged.requests,
        ok=judged.ok,
        failed=judged.failed,
        not_sent=unsent,
        success_rate=ratio(judged.ok, judged.ok + judged.failed),
        throughput_rps=per_second(sum(calls.completed(*part) for part in where), span_ns),
        offered_rps=per_second(sum(len(calls.between(*part)) for part in where) + (unsent or 0), span_ns),
        latency_ms=latency.tables(inside),
        warming_up_s=None,
    )


def _not_sent(step: Step, where: Sequence[Span]) -> int | None:
    """The number of unsent arrivals; 0 for closed load, None when it was not reported."""
    if step.rate is None:
        return 0
    if list(where) == [(step.start_ns, step.end_ns)] and step.not_sent is not None:
        return step.not_sent
    return arrivals.within(step.unsent, where) if step.unsent or step.not_sent is not None else None


def _judged(kind: npt.NDArray[np.int8]) -> Judged:
    ok, failed = int(np.count_nonzero(kind == OK)), int(np.count_nonzero(kind == FAILED))
    decided = kind[(kind == OK) | (kind == FAILED)]
    worth = correlation.effective(decided == OK, [len(decided)], ONE_END)
    return Judged(len(kind), ok, failed, ok / (ok + failed) if ok + failed else None, worth=worth)


def _step(asked: StepAsked, running: StepRunning | None, start_ns: int, end_ns: int) -> Step:
    users = running.users if running else None
    return Step(
        index=asked.index,
        name=asked.name,
        kind=asked.kind,
        users=asked.users if users is None else users,
        rate=asked.rate,
        start_ns=start_ns,
        end_ns=max(start_ns, end_ns),
    )
