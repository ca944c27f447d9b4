"""Abort rules while the load goes on: a rule that has been met for its whole time ends the run.

A rule checks the figures of each second (`last_second.LastSecond`). Its time counts from the first second in
which it is met, and starts again with the first in which it is not. A second without a single decided call
neither meets a rule on success or latency nor interrupts its time: a server cannot escape a rule by ceasing
to answer. Seconds without users (a rest between levels) do not count at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.conduct.live.last_second import LastSecond
from harness.run_directory.event_kinds import Aborted
from harness.scenario.objectives import AbortRule

_SEEN = {
    "success_rate": lambda live: live.success_rate,
    "throughput": lambda live: live.throughput_rps,
    "p50": lambda live: live.p50_ms,
    "p95": lambda live: live.p95_ms,
}


@dataclass(frozen=True, slots=True)
class RuleMet:
    """A rule that has been met for long enough; `observed` is the value of the last second."""

    rule: AbortRule
    since_s: float
    observed: float | None

    def event(self, at_ns: int) -> Aborted:
        """Return the event for the event log."""
        return Aborted(
            at_ns=at_ns, rule=self.rule.text, since_s=round(self.since_s, 3), observed=self.observed
        )


@dataclass(slots=True)
class AbortRules:
    """The rules of one run, and since when each is met."""

    rules: Sequence[AbortRule]
    _since_s: dict[AbortRule, float] = field(default_factory=dict)

    def look(self, live: LastSecond) -> RuleMet | None:
        """Return the first rule whose time is complete with this second, or None."""
        if not live.users:
            return None
        for rule in self.rules:
            value = _SEEN[rule.metric](live)
            if value is not None and not rule.met_by(value):
                self._since_s.pop(rule, None)
                continue
            if value is not None:
                self._since_s.setdefault(rule, live.at_s - live.span_s)
            since_s = self._since_s.get(rule)
            if since_s is not None and live.at_s - since_s >= rule.for_s - live.span_s / 2:
                return RuleMet(rule, since_s, value)
        return None
