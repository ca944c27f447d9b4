"""Alerts: report when an objective stops holding during the run, and when it holds again.

Each second an objective is compared with the calls that ended in the last ten (`conduct.live.last_rows`), and
only while all ten lie in its scope: in a load step with no fault on (no scope), in its step, during its
fault, or anywhere (overall). So a fault does not break an objective for the time without it.
An alert is a hint and no verdict: ten seconds are not the run, percentiles cover ok calls only, and what is
not known second by second (an operation, p999, mean, max, recovery, counts) has no alert. Without a call only
throughput is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.analysis.statistics.rounding import show
from harness.conduct.live.last_rows import Recent
from harness.conduct.live.live_json import LAST_S, LiveSnapshot
from harness.run_directory.event_kinds import Alerted
from harness.scenario.objectives import Objective

METRICS: Final = {
    "p50": "p50",
    "p90": "p90",
    "p95": "p95",
    "p99": "p99",
    "success_rate": "success_rate",
    "throughput": "throughput",
}


@dataclass(frozen=True, slots=True)
class Alert:
    """An objective stopped holding, or holds again."""

    objective: str
    broken: bool
    observed: float  # in the unit of the metric
    text: str

    def event(self, at_ns: int) -> Alerted:
        """Return the event for the event log; JSON has no infinity, so that becomes None."""
        observed = None if self.observed == float("inf") else round(self.observed, 6)
        return Alerted(
            at_ns=at_ns, objective=self.objective, broken=self.broken, observed=observed, text=self.text
        )


@dataclass(slots=True)
class Alerts:
    """The objectives of one run, since when each is in its scope, and which are broken."""

    objectives: Sequence[Objective]
    holding: dict[str, bool] = field(default_factory=dict)  # in this second, where known
    _since_s: dict[str, float] = field(default_factory=dict)
    _broken: set[str] = field(default_factory=set)

    def look(self, shown: LiveSnapshot, recent: Recent | None) -> list[Alert]:
        """Return the alerts of this second; `recent` are the figures of the last ten (`LastRows.measure`)."""
        changed = []
        self.holding = {}
        for objective in self.objectives:
            if not self._asked(objective, shown):
                continue
            value = _measured(objective, recent)
            if value is None:
                continue
            self.holding[objective.text] = objective.holds(value)
            broken = not self.holding[objective.text]
            if broken == (objective.text in self._broken):
                continue
            (self._broken.add if broken else self._broken.discard)(objective.text)
            changed.append(_alert(objective, shown, value, broken=broken))
        return changed

    def _asked(self, objective: Objective, shown: LiveSnapshot) -> bool:
        """Whether all of the last seconds lie in its scope."""
        if not _in_scope(objective, shown):
            self._since_s.pop(objective.text, None)
            return False
        live = shown.live
        since_s = self._since_s.setdefault(objective.text, live.at_s - live.span_s)
        return live.at_s - since_s >= LAST_S - live.span_s / 2


def _measured(objective: Objective, recent: Recent | None) -> float | None:
    """Return the value of the objective's metric; without a call 0 for throughput, else None."""
    if recent is None:
        return 0.0 if objective.metric == "throughput" else None
    value: float = getattr(recent, METRICS[objective.metric])
    return value


def _in_scope(objective: Objective, shown: LiveSnapshot) -> bool:
    if objective.metric not in METRICS or objective.operation is not None or not shown.live.users:
        return False
    return {
        "": shown.step is not None and not shown.faults,
        "in": shown.step == objective.name,
        "during": objective.name in shown.faults,
        "overall": True,
    }.get(objective.scope, False)


def _alert(objective: Objective, shown: LiveSnapshot, value: float, *, broken: bool) -> Alert:
    state = "does not hold" if broken else "holds again"
    observed = show(value, objective.unit)
    text = f"{objective.text} {state}: {observed} over the last {LAST_S:g} s ({shown.headline})"
    return Alert(objective.text, broken, value, text)
