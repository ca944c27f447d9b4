"""Whether a level was good: its success rate, and the bounds that were marked for it.

A level without a single call is not good: nothing was shown. Arrivals that nobody took count as failures of the
level. A bound that there are too few calls for breaks nothing, and is said.
"""

from dataclasses import dataclass

import pandas as pd

from harness.analysis.calls import Calls
from harness.analysis.observed import Evidence, observe
from harness.analysis.rounding import show
from harness.analysis.spans import Span
from harness.analysis.steps import Judged, Step
from harness.objectives import parse
from harness.plan.plan import LoadStep
from harness.units import show_percent


@dataclass(frozen=True, slots=True)
class Judgement:
    """Why a level is not good (nothing: it is), and which of its bounds could not be asked."""

    broken: str = ""
    unasked: tuple[str, ...] = ()


def judgement(step: LoadStep, judged: Judged, rows: pd.DataFrame, start_ns: int, end_ns: int) -> Judgement:
    """Of a step that has no limits: always good."""
    if step.break_below is None:
        return Judgement()
    rate = judged.answered_rate
    if rate is None or rate < step.break_below:
        lost = f" ({judged.not_sent:,} arrivals were not sent)" if judged.not_sent else ""
        return Judgement(f"success rate {show_rate(judged)} is below {show_percent(step.break_below)}{lost}")
    return _bounds(step, judged, rows, (start_ns, end_ns)) if step.break_unless else Judgement()


def show_rate(judged: Judged) -> str:
    """For a line of progress."""
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
    evidence = Evidence(calls, calls.of_load(), [level], {})
    unasked = []
    for text in step.break_unless:
        objective = parse(text)
        found = observe(objective, evidence)
        if found.value is None:
            unasked.append(f"{text}: {found.why}")
        elif found.broken or not objective.holds(found.value):
            return Judgement(f"{text} does not hold: it was {show(found.value, objective.unit)}")
    return Judgement(unasked=tuple(unasked))
