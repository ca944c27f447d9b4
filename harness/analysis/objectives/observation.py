"""An objective's observed value, and the finding that follows: pass, fail or unknown, with the reason."""

from dataclasses import dataclass
from typing import Final

from harness.analysis.finding import Finding
from harness.analysis.objectives.decision import HELD, MISSED, UNDECIDED, UPPER, ObjectiveDecision
from harness.analysis.statistics import confidence
from harness.analysis.statistics.rounding import show
from harness.foundation import errors
from harness.scenario.objectives import Objective

PERCENT: Final = f"{confidence.LEVEL:.0%}"


@dataclass(frozen=True, slots=True)
class Observation:
    """An objective and its observed value, which may be infinite, or None when there is none to show."""

    objective: Objective
    value: float | None
    why: str = ""
    broken: str = ""  # why it does not hold, whatever the value is
    decision: ObjectiveDecision | None = None

    @property
    def seen(self) -> str:
        """The value as text, or what is known instead."""
        unit, made = self.objective.unit, self.decision
        if self.value is not None or made is None or made.word == UNDECIDED:
            return show(self.value, unit)
        if (made.word == HELD) == (self.objective.op in UPPER):
            return f"at most {show(made.high, unit)}"
        return f"at least {show(made.low, unit)}"

    @property
    def undecided(self) -> str:
        """Why the objective cannot be decided, and what would help; empty when it can."""
        unit, made = self.objective.unit, self.decision
        if made is None or made.word != UNDECIDED:
            return ""
        was = "" if self.value is None else f"it was {self.seen}, and "
        return f"{was}it lies between {show(made.low, unit)} and {show(made.high, unit)} at {PERCENT}; {made.why}"


def judge(observation: Observation) -> Finding:
    """The finding for the verdict; it has no reason when the objective holds."""
    text, value, made = observation.objective.text, observation.value, observation.decision
    if observation.broken:
        return _missed(f"{text} does not hold: {observation.broken} ({observation.seen} of all that arrived)")
    if observation.undecided:
        return Finding("unknown", f"{text} cannot be decided: {observation.undecided}", errors.UNKNOWN)
    if made is None and value is None:
        return Finding("unknown", f"{text}: {observation.why}", errors.UNKNOWN)
    missed = made.word == MISSED if made else value is None or not observation.objective.holds(value)
    why = f" ({observation.why})" if observation.why else ""
    held = Finding("pass", "", errors.PASSED)
    return _missed(f"{text} does not hold: it was {observation.seen}{why}") if missed else held


def _missed(reason: str) -> Finding:
    return Finding("fail", reason, errors.FAILED)
