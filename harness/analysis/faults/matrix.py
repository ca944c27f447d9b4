"""The resilience matrix: how the service took each fault, in one word, with what the word rests on.

A *row* is a load step that had a fault: its own time before, the fault, and its own time after. What several faults
at once did is told of the one that was healed last.

Definitions, the first that holds:

- *unknown*: it cannot be told. The fault did not happen, could not be verified or was not healed; the service was not
  well before it (`WELL`), or there were too few calls to say; recovery could not be seen; what was acknowledged could
  not be read back; the load generator was the bottleneck in this row.
- *not exposed*: the fault was there, and touched no call. It has shown nothing, and nothing can be said.
- *broke*: acknowledged work is missing or was done twice, or the service was not back by the end of the row.
- *degraded*: the service recovered by itself, and kept its promises; while the fault was on, or after it, more calls failed
  than chance explains after what was seen before it (where none had failed: more than one, and than one in a
  hundred), or sessions were lost.
- *survived*: no more calls failed than before, and no session was lost. Calls may have been slower: a link that adds
  200 ms adds 200 ms. How much slower stands beside the word.

Missing work breaks a row even where the rest of it cannot be told: it is a fact, whoever was slow.

*Work of a row*: an entry that is missing was acknowledged at some time; it counts for the row whose fault was nearest,
before or after (what is promised too early is lost by a fault that comes later). When a crash took *everything* that
had been acknowledged more than `OLD_S` before it, all of that counts for the crash.

The placebo has to survive, at once. Else the load is not steady enough, and no other row can be believed (`verdict`).

This does not tell the cause (`weakness` names known ones), nor whether a user would mind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from harness.analysis.faults.impact import Impact
from harness.analysis.faults.work import WorkOutcome
from harness.analysis.health.saturation import Excess
from harness.analysis.levels.steps import Step
from harness.analysis.statistics import chance
from harness.analysis.statistics.rounding import show
from harness.analysis.statistics.spans import Span
from harness.foundation.units import NS_PER_S
from harness.run_directory.event_kinds import Event
from harness.run_directory.results import MatrixRow, RowWork
from harness.run_directory.results.faults import Taken

Outcome = Taken
WELL: Final = 0.9  # the share of calls that must succeed before a fault, or it was not well
FEW, FEW_SHARE = 1, 0.01
SEEN_S: Final = 8.0  # clients that wait before they reconnect need some time, too
OLD_S: Final = 5.0
OLD_LEAST: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The acknowledged work that was lost or done twice in a row."""

    missing: int = 0
    duplicated: int = 0
    wiped: bool = False  # everything that had been acknowledged for a while was gone
    older_kept: bool = False  # something that was acknowledged earlier is still there


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: a fault, or faults that were on at once; `work` is None when no work was counted."""

    name: str
    outcome: Outcome
    why: str
    impacts: tuple[Impact, ...]
    work: Lost | None = None

    @property
    def last(self) -> Impact:
        """The impact of the fault that was healed last; recovery is measured from it."""
        return max(self.impacts, key=lambda one: one.fault.healed_ns or one.fault.off_ns or 0)

    @property
    def sessions_lost(self) -> int:
        return sum(one.result.sessions_lost for one in self.impacts)

    @property
    def placebo(self) -> bool:
        return self.last.fault.placebo

    def result(self) -> MatrixRow:
        """The row of `matrix` in the summary."""
        one, work = self.last, self.work
        return MatrixRow(
            name=self.name,
            faults=tuple(each.fault.name for each in self.impacts),
            outcome=self.outcome,
            why=self.why,
            calls=one.exposure.calls,
            before=one.before.result(),
            during=one.during.result(),
            after=one.after.result(),
            recover_s=one.recovery.recover_s,
            sessions_lost=self.sessions_lost,
            work=RowWork(missing=work.missing, duplicated=work.duplicated) if work else None,
        )


@dataclass(frozen=True, slots=True)
class MatrixInputs:
    """The inputs of a matrix."""

    plan: Mapping[str, Any]
    impacts: Sequence[Impact]
    steps: Sequence[Step]
    events: Sequence[Event]
    work: WorkOutcome | None = None
    saturated: Sequence[Excess] = ()


def measure(evidence: MatrixInputs) -> tuple[Row, ...]:
    """One row for each load step with faults, in the order of the plan; empty when the run is no matrix."""
    if not evidence.plan.get("matrix"):
        return ()
    grouped: dict[str, list[Impact]] = {}
    anchors = {str(one.get("name")): one.get("step") for one in evidence.plan.get("faults") or []}
    for impact in evidence.impacts:
        name = impact.fault.name
        grouped.setdefault(str(anchors.get(name) or name), []).append(impact)
    bare = [
        Row(name=name, outcome="unknown", why="", impacts=tuple(impacts)) for name, impacts in grouped.items()
    ]
    return tuple(_judged(row, evidence) for row in _with_work(bare, evidence.work))


def _judged(row: Row, evidence: MatrixInputs) -> Row:
    lost = row.work or Lost()
    happened = all(one.fault.window is not None for one in row.impacts)
    if happened and (lost.missing or lost.duplicated):
        return replace(row, outcome="broke", why=_lost(lost))
    if why := _unknown(row, evidence):
        return replace(row, outcome="unknown", why=why)
    if not row.last.exposure.calls:
        return replace(row, outcome="not_exposed", why="it touched no call")
    if why := _untold(row, evidence):
        return replace(row, outcome="unknown", why=why)
    recovery = row.last.recovery
    if recovery.outcome == "not_recovered":
        return replace(row, outcome="broke", why=f"not recovered {recovery.not_back()}")
    reasons = [why for why in (_failed(row), _sessions(row)) if why]
    return replace(row, outcome="degraded" if reasons else "survived", why="; ".join(reasons))


def _unknown(row: Row, evidence: MatrixInputs) -> str:
    """Why the fault itself cannot be relied on; empty when it can."""
    for fault in (one.fault for one in row.impacts):
        if fault.window is None:
            return fault.skipped_why
        if fault.healed is False:
            return f"it was left over: {fault.unhealed_why}"
        if not fault.verified:
            return f"it could not be verified: {fault.unverified_why}"
    return "; ".join(evidence.work.doubts()) if evidence.work else ""


def _untold(row: Row, evidence: MatrixInputs) -> str:
    """Why the effect of the fault cannot be told; empty when it can."""
    before, recovery = row.last.before, row.last.recovery
    if before.success_rate is not None and before.success_rate < WELL:
        return f"calls failed even before it: only {show(before.success_rate, 'share')} succeeded"
    if recovery.outcome == "unknown":
        return recovery.why
    if recovery.outcome == "not_recovered" and recovery.observed_s < SEEN_S:
        return f"not recovered in the {recovery.observed_s:.0f} s observed; to say that it broke, {SEEN_S:.0f} s are needed"
    if beyond := _generator(row, evidence):
        return f"the load generator was the bottleneck ({beyond})"
    return ""


def _generator(row: Row, evidence: MatrixInputs) -> str:
    """How the load generator was the bottleneck during this row; empty when it was not."""
    on_ns = min(one.fault.on_ns or 0 for one in row.impacts)
    steps = {step.index for step in evidence.steps if step.start_ns <= on_ns < step.end_ns}
    return ", ".join(one.text for one in evidence.saturated if one.step in steps)


def _failed(row: Row) -> str:
    """The calls that failed beyond chance, and the time until the service was back, in words; or empty."""
    one = row.last
    failed, decided = one.during.failed, one.during.decided
    before = one.before
    usual = before.failed / before.decided if before.decided else 0.0
    most = max(usual * decided, chance.failures_most(decided, before.failed, before.decided))
    if not before.failed:  # chance allows more failures after few calls; a limit keeps that small
        most = min(most, max(FEW, FEW_SHARE * decided))
    during = f"{failed:,} of {decided:,} calls failed" if failed > most else ""
    later = one.recovery.recover_s
    whose = f" ({one.recovery.slowest} recovered last)" if one.recovery.slowest else ""
    after = f"recovered after {show(later, 's')}{whose}" if later else ""
    return ", ".join(part for part in (during, after) if part)


def _sessions(row: Row) -> str:
    many = row.sessions_lost
    return f"{many:,} {'session' if many == 1 else 'sessions'} lost" if many else ""


def _lost(lost: Lost) -> str:
    """The lost and doubled work in words, for a table cell."""
    missing = f"{lost.missing:,} acknowledged {'entry is' if lost.missing == 1 else 'entries are'} missing"
    twice = (
        f"{lost.duplicated:,} {'entry is' if lost.duplicated == 1 else 'entries are'} stored more than once"
    )
    return ", ".join(words for words, many in ((missing, lost.missing), (twice, lost.duplicated)) if many)


def _with_work(rows: Sequence[Row], work: WorkOutcome | None) -> list[Row]:
    """The rows, each with the lost work nearest to it; unchanged when the loss is not known."""
    if work is None or work.missing is None:
        return list(rows)
    spans = {row.name: _span(row) for row in rows}
    there = {name: span for name, span in spans.items() if span is not None}
    crash = _wiped(there, work)
    missing, duplicated = dict.fromkeys(spans, 0), dict.fromkeys(spans, 0)
    for at_ns in work.missing_ns:
        if crash is not None and at_ns < there[crash][0]:
            missing[crash] += 1
        elif there:
            missing[_nearest(at_ns, there)] += 1
    for at_ns in work.duplicated_ns:
        if there:
            duplicated[_nearest(at_ns, there)] += 1
    return [
        replace(
            row,
            work=Lost(
                missing=missing[row.name],
                duplicated=duplicated[row.name],
                wiped=row.name == crash,
                older_kept=_older_kept(spans[row.name], work),
            ),
        )
        for row in rows
    ]


def _older_kept(span: Span | None, work: WorkOutcome) -> bool:
    missing = set(work.missing_ns)
    return span is not None and any(
        at_ns < span[0] and at_ns not in missing for at_ns in work.acknowledged_ns
    )


def _span(row: Row) -> Span | None:
    spans = [one.fault.disturbed for one in row.impacts if one.fault.disturbed is not None]
    return (min(start for start, _ in spans), max(end for _, end in spans)) if spans else None


def _nearest(at_ns: int, spans: Mapping[str, Span]) -> str:
    """The row whose fault was on at that time or nearest to it; of two the later one."""

    def away(name: str) -> tuple[int, int]:
        start, end = spans[name]
        return max(start - at_ns, at_ns - end, 0), -start

    return min(spans, key=away)


def _wiped(spans: Mapping[str, Span], work: WorkOutcome) -> str | None:
    """The name of the last row before whose fault all work older than `OLD_S` is missing; or None."""
    missing = set(work.missing_ns)
    for name, (start, _) in sorted(spans.items(), key=lambda pair: -pair[1][0]):
        old = [at_ns for at_ns in work.acknowledged_ns if at_ns < start - OLD_S * NS_PER_S]
        if len(old) >= OLD_LEAST and missing.issuperset(old):
            return name
    return None
