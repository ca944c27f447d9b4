"""The capacity that a search found, from the rows of its trials: a number with an interval, a bound, or unknown.

found      some loads held and some did not: the middle of what is likely, and the interval of 90 %
at_least   no load was missed: the largest one that was tried, or (not the server's limit) as far as the generator came
below      no load held
unknown    no trial can be trusted, or the interval is so wide that it says nothing (its ends differ by more than `WIDE`)

A trial in which the load generator was the bottleneck (harness.analysis.health.saturation, arrivals that came late) says nothing
about the server, and is left out.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from harness.analysis.calls import arrivals
from harness.analysis.calls.calls import Calls
from harness.analysis.health import saturation
from harness.analysis.levels import server_processor
from harness.analysis.levels.capacity import SEARCHED
from harness.analysis.levels.next_trial import Trial, of_objectives
from harness.analysis.levels.steps import Step
from harness.analysis.levels.threshold import Threshold
from harness.analysis.levels.trials import trial
from harness.run_directory.event_kinds import Event
from harness.run_directory.results import CapacityTrial, FoundCapacity, Interval, StepResult, TrialMark
from harness.scenario.plan.search import Search

WIDE: Final = 2.5
SURELY: Final = 0.95
THE_MOST: Final = "the largest load that was allowed (--max)"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The parts of a run from which its searches for capacity are read."""

    load: Calls
    events: Sequence[Event]
    plan: Mapping[str, Any]
    steps: Sequence[Step]
    measured: Sequence[StepResult]
    cores: int | None = None  # of the machine; the server's where its processes are seen at all


def measure(evidence: Evidence) -> tuple[FoundCapacity, ...] | UnsetType:
    """Return the result of each search of the run; UNSET if there was no search."""
    found = tuple(_found(name, search, evidence) for name, search in _searches(evidence.plan))
    return found or UNSET


def _searches(plan: Mapping[str, Any]) -> Iterator[tuple[str, Search]]:
    for step in plan.get("steps") or ():
        if isinstance(step.get("search"), Mapping):
            yield str(step["phase"]), msgspec.convert(step["search"], Search)


def _found(name: str, search: Search, evidence: Evidence) -> FoundCapacity:
    steps = [one for one in evidence.steps if one.kind == SEARCHED and one.name == name and not one.cut_off]
    own = _generators_part(steps, evidence)
    tried = [(step, _trial(step, search, evidence.load)) for step in steps]
    trusted = [one for step, one in tried if step.index not in own]
    word, value, interval, limited_by, why = _answer(search, trusted, next(iter(own.values()), ""))
    if word == "found":
        missed = [step for step, one in tried if not one.held and step.index not in own]
        why += server_processor.words(missed, evidence.events, evidence.cores)
    return FoundCapacity(
        step=name,
        unit="users" if search.whole else "per_s",
        objectives=search.objectives,
        word=word,  # type: ignore[arg-type]
        value=value,
        interval=interval,
        limited_by=limited_by,
        why=why,
        trials=tuple(_row(step, one, own.get(step.index)) for step, one in tried),
    )


def _trial(step: Step, search: Search, load: Calls) -> Trial:
    size = step.rate if step.rate is not None else float(step.users or 0)
    begun = load.between(step.start_ns, step.end_ns)
    return trial(begun, search.objectives, max(size, search.least), step.not_sent or 0)


def _generators_part(steps: Sequence[Step], evidence: Evidence) -> dict[int, str]:
    """The trials in which the load generator was the bottleneck, and why."""
    why: dict[int, list[str]] = defaultdict(list)
    for excess in saturation.judge(evidence.events, evidence.load, steps).excesses:
        if excess.step is not None:
            why[excess.step].append(excess.text)
    indices = {step.index for step in steps}
    own = [one for one in evidence.measured if one.index in indices]
    for step, share in arrivals.fell_behind(evidence.events, own):
        why[step.index].append(f"it sent {share:.0%} of the {step.rate:g} arrivals a second")
    return {index: texts[0] for index, texts in why.items()}


Answer = tuple[str, float | None, Interval | None, str | None, str]


def _answer(search: Search, trials: Sequence[Trial], own: str) -> Answer:
    """The word, the number, its interval, what gives way, and the reason in words."""
    limit = f"the load generator was the bottleneck: {own}" if own else "there was no time for more"
    if not trials:
        return (
            "unknown",
            None,
            None,
            None,
            f"no trial can be trusted ({limit})" if own else "nothing was tried",
        )
    posterior = of_objectives(search, trials)
    held = [one.load for one in trials if one.held]
    if len(held) == len(trials) or posterior.share_above(search.most) > SURELY:
        return _at_least(search, max(held, default=search.least), limit)
    if not held or posterior.share_above(search.least) < 1 - SURELY:
        least = min(one.load for one in trials)
        missed = _gives_way(search, trials, posterior)
        return (
            "below",
            None,
            None,
            missed,
            f"{missed} does not hold at {_size(search, least)}, the smallest load tried",
        )
    low, high = (_rounded(search, edge) for edge in posterior.interval)
    value, gives_way = _rounded(search, posterior.middle), _gives_way(search, trials, posterior)
    if high > WIDE * max(low, 1e-9) and high - low > 1:
        why = (
            f"it lies between {_size(search, low)} and {_size(search, high)}, which says too little: {limit}"
        )
        return "unknown", None, (low, high), gives_way, why
    return "found", value, (low, high), gives_way, f"{gives_way} no longer holds beyond it"


def _at_least(search: Search, load: float, limit: str) -> Answer:
    value = _rounded(search, load)
    if load >= search.most:
        return "at_least", value, None, THE_MOST, f"all objectives hold at {_size(search, load)}, {THE_MOST}"
    return (
        "at_least",
        value,
        None,
        None,
        f"all objectives hold at {_size(search, load)}, the largest load tried: {limit}",
    )


def _gives_way(search: Search, trials: Sequence[Trial], posterior: Threshold) -> str:
    """The objective that most likely gives way first, of those that were missed at all."""
    missed = [
        text
        for number, text in enumerate(search.objectives)
        if not all(trial.marks[number].holds for trial in trials)
    ]
    return max(missed, key=lambda text: posterior.first[text])


def _rounded(search: Search, load: float) -> float:
    return float(math.floor(load + 1e-9)) if search.whole else float(f"{load:.4g}")


def _size(search: Search, load: float) -> str:
    return f"{load:,.0f} user{'' if load == 1 else 's'}" if search.whole else f"{load:,.4g}/s"


def _row(step: Step, one: Trial, untrusted: str | None) -> CapacityTrial:
    return CapacityTrial(
        index=step.index,
        load=one.load,
        calls=max((mark.calls for mark in one.marks if not mark.sided), default=0),
        held=one.held,
        marks=tuple(TrialMark(bad=round(mark.bad, 6), allowed=round(mark.allowed, 6)) for mark in one.marks),
        untrusted=untrusted,
    )
