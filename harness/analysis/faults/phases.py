"""Before, during and after a fault: the calls of the load as a whole, and each operation by itself.

Definitions. The three stretches of time are those of `impact`. Operations *differ* when not all of them took the fault
alike: another recovery, or one was hit while it was on and another was not. *Hit* is an operation of whose calls more
failed than chance explains after what was seen before, or whose median was more than a quarter (and than 2 ms) above.
Reports show single operations only if they differ: `shown`, the worst first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.analysis.calls import latency
from harness.analysis.calls.calls import Calls
from harness.analysis.faults.recovery import GroupRecovery, Recovery
from harness.analysis.faults.traces import allowed
from harness.analysis.levels import steps
from harness.analysis.statistics import chance
from harness.analysis.statistics.rounding import ratio
from harness.foundation.units import NS_PER_MS
from harness.run_directory.results import FaultOperation, Phase

MOST: Final = 50
SHOWN_MOST: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Success and latency of some calls; None when there are too few."""

    calls: int
    success_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    failed: int = 0
    decided: int = 0

    def result(self) -> Phase:
        """These figures as the summary's type."""
        return Phase(success_rate=self.success_rate, p50_ms=self.p50_ms, p95_ms=self.p95_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation around a fault; `found` is None when it had too few calls to be judged by itself."""

    name: str
    before: Figures
    during: Figures
    after: Figures
    found: GroupRecovery | None

    @property
    def was_hit(self) -> bool:
        """Whether the fault affected this operation while it was on."""
        before, during = self.before, self.during
        if during.failed > chance.failures_most(during.decided, before.failed, before.decided):
            return True
        if before.p50_ms is None or during.p50_ms is None:
            return False
        return during.p50_ms * NS_PER_MS > allowed(before.p50_ms * NS_PER_MS)

    def result(self) -> FaultOperation:
        """The row of `faults[].operations` in the summary."""
        return FaultOperation(
            operation=self.name,
            before=self.before.result(),
            during=self.during.result(),
            after=self.after.result(),
            recovery=self.found.outcome if self.found else "unknown",
            recover_s=self.found.recover_s if self.found else None,
        )


def figures(calls: Calls) -> Figures:
    """The success rate and latency of these calls."""
    at = latency.table(calls.response_ns())
    judged = steps.tally(calls)
    return Figures(
        calls=len(calls),
        success_rate=ratio(judged.ok, judged.ok + judged.failed),
        p50_ms=at.p50,
        p95_ms=at.p95,
        failed=judged.failed,
        decided=judged.ok + judged.failed,
    )


def by_operation(before: Calls, during: Calls, after: Calls, recovery: Recovery) -> tuple[Operation, ...]:
    """Each operation of the load; those with the most calls before the fault come first."""
    parts = [_split(part) for part in (before, during, after)]
    names = sorted(set().union(*parts), key=lambda name: (-len(parts[0].get(name, ())), name))[:MOST]
    nothing = before.take(slice(0))
    alone = len(names) == 1
    return tuple(
        Operation(
            name=name,
            before=figures(parts[0].get(name, nothing)),
            during=figures(parts[1].get(name, nothing)),
            after=figures(parts[2].get(name, nothing)),
            found=_as_load(name, recovery) if alone else recovery.of(name),
        )
        for name in names
    )


def shown(operations: Sequence[Operation]) -> Sequence[Operation]:
    """The operations that a report shows, the worst first; none when the fault affected all alike."""
    judged = [one for one in operations if one.found is not None]
    recovered = {(one.found.outcome, one.found.recover_s) for one in judged if one.found}
    hit = {one.was_hit for one in operations if one.during.decided and one.before.decided}
    if len(recovered) < 2 and len(hit) < 2:
        return ()
    return sorted(operations, key=_badness)


def _badness(one: Operation) -> tuple[float, float, int]:
    """The sort key: first those that are not back, then the slowest to recover, then those hit."""
    late_s = 0.0
    if one.found is not None:
        late_s = float("inf") if one.found.outcome == "not_recovered" else one.found.recover_s or 0.0
    return (-late_s, -float(one.was_hit), -one.before.calls)


def _as_load(name: str, recovery: Recovery) -> GroupRecovery:
    return GroupRecovery(name=name, outcome=recovery.outcome, recover_s=recovery.recover_s)


def _split(calls: Calls) -> Mapping[str, Calls]:
    """The calls by operation, each sorted by intended start."""
    if not len(calls):
        return {}
    order = np.argsort(calls.operation, kind="stable")
    codes, firsts = np.unique(calls.operation[order], return_index=True)
    parts = zip(codes.tolist(), np.split(order, firsts[1:]), strict=True)
    return {calls.names["operation"][code]: calls.take(rows) for code, rows in parts}
