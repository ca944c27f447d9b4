"""Decides whether a level was good: by its success rate, and by the bounds that were set for it.

A level without a single call is not good: it shows nothing. Arrivals that were not sent count as failures. A
bound breaks a level when it is certainly missed (harness.analysis.objectives.decision); one that cannot be
decided breaks nothing, and is reported.
"""

from dataclasses import dataclass

import pandas as pd

from harness.analysis.calls.calls import Calls
from harness.analysis.levels.breaking_point import broke, reason
from harness.analysis.levels.next_trial import Trial
from harness.analysis.levels.steps import Judged, Step
from harness.analysis.levels.trials import trial
from harness.analysis.objectives.observation import judge
from harness.analysis.objectives.observed import ObjectiveInputs, observe
from harness.analysis.statistics.spans import Span
from harness.foundation.units import show_percent
from harness.scenario.objectives import parse
from harness.scenario.plan.plan import LoadStep


@dataclass(frozen=True, slots=True)
class Judgement:
    """Why a level is not good ("": it is), and which of its bounds could not be decided."""

    judged: Judged
    broken: str = ""
    bound: bool = False  # it is broken by one of its bounds
    unasked: tuple[str, ...] = ()
    trial: Trial | None = None  # of a search


def judgement(step: LoadStep, judged: Judged, rows: pd.DataFrame, start_ns: int, end_ns: int) -> Judgement:
    """Judge a level; a step without limits is always good."""
    if step.search is not None:
        begun = Calls.of(rows).of_load().between(start_ns, end_ns)
        size = step.rate_per_s or float(step.users if isinstance(step.users, int) else 0)
        return Judgement(judged, trial=trial(begun, step.search.objectives, size, judged.not_sent))
    if step.break_below is None:
        return Judgement(judged)
    rate = judged.answered_rate
    if broke(rate, step.break_below):
        return Judgement(judged, reason([judged], step.break_below))
    return _bounds(step, judged, rows, (start_ns, end_ns)) if step.break_unless else Judgement(judged)


def show_rate(judged: Judged) -> str:
    """Return the success rate for a line of progress."""
    return "no calls" if judged.answered_rate is None else show_percent(judged.answered_rate)


def _bounds(step: LoadStep, judged: Judged, rows: pd.DataFrame, window: Span) -> Judgement:
    start_ns, end_ns = window
    level = Step(
        index=0,
        name=step.phase,
        kind=step.kind,
        users=None,
        rate=step.rate_per_s,
        start_ns=start_ns,
        end_ns=end_ns,
        not_sent=judged.not_sent,
    )
    calls = Calls.of(rows)
    evidence = ObjectiveInputs(calls, calls.of_load(), [level])
    unasked = []
    for text in step.break_unless:
        objective = parse(text)
        finding = judge(observe(objective, evidence))
        if finding.outcome == "fail":
            return Judgement(judged, finding.reason, bound=True)
        if finding.outcome == "unknown":
            unasked.append(finding.reason)
    return Judgement(judged, unasked=tuple(unasked))
