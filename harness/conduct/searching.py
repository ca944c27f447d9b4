"""Plays a search for capacity: trials that are decided on the way (harness.analysis.levels.next_trial).

After a trial that was far beyond the threshold the load is taken off until nothing is open any more, and for as long as the trial
took: a server works through what it was asked even if nobody waits any more, and the next trial must not begin with that queue. Whoever reads the run again decides from the same rows with the same functions.
"""

from dataclasses import replace
from typing import Final, Protocol

from harness.analysis.levels.next_trial import Trial, Wanted, next_trial, of_objectives
from harness.conduct.judging import Judgement
from harness.foundation.units import NS_PER_S, show_percent
from harness.scenario.plan.describe import show_size
from harness.scenario.plan.plan import LoadStep
from harness.scenario.plan.profiles import settle_s

COSTS_S: Final = 1.0  # a first guess of what a trial takes beside its hold
FAR: Final = 2.0  # times as bad as allowed, and a queue is left behind
DEEP: Final = 0.5  # the share of bad calls from which that queue may be as long as the trial
REST_S_LEAST: Final = 0.25
REST_S_MOST: Final = 10.0


class Levels(Protocol):
    """Plays one level after the other for a search; the player of the run does."""

    async def level(self, step: LoadStep) -> Judgement: ...

    async def drain(self, rest_s: float) -> None: ...

    def now_ns(self) -> int: ...

    def note(self, text: str) -> None: ...


async def search(step: LoadStep, levels: Levels) -> None:
    """Try loads until the threshold is known well enough, or the time is over."""
    asked = step.search
    assert asked is not None
    began_ns, held_s = levels.now_ns(), 0.0
    trials: list[Trial] = []
    while True:
        gone_s = (levels.now_ns() - began_ns) / NS_PER_S
        costs_s = (gone_s - held_s) / len(trials) if trials else COSTS_S
        wanted = next_trial(asked, trials, asked.within_s - gone_s, costs_s)
        if wanted is None:
            break
        trial_ns = levels.now_ns()
        judged = await levels.level(_step(step, wanted))
        assert judged.trial is not None
        trials.append(judged.trial)
        held_s += wanted.hold_s
        levels.note(f"  {_words(judged.trial)}")
        if any(mark.bad > FAR * mark.allowed for mark in judged.trial.marks):
            took_s = (levels.now_ns() - trial_ns) / NS_PER_S
            deep = any(mark.bad > DEEP for mark in judged.trial.marks)
            await levels.drain(min(took_s, REST_S_MOST) if deep else REST_S_LEAST)
    if any(one.held for one in trials) and any(not one.held for one in trials):
        low, high = of_objectives(asked, trials).interval
        levels.note(f"  the threshold lies between {_load(asked.whole, low)} and {_load(asked.whole, high)}")


def _step(step: LoadStep, wanted: Wanted) -> LoadStep:
    held = replace(step, hold_s=wanted.hold_s, settle_s=settle_s(wanted.hold_s))
    if step.arrivals is not None:
        return replace(held, arrivals=replace(step.arrivals, rate_per_s=wanted.load))
    return replace(held, users=round(wanted.load))


def _load(whole: bool, load: float) -> str:
    return show_size(int(load), None) if whole else f"{load:,.4g}/s"


def _words(trial: Trial) -> str:
    worst = max(trial.marks, key=lambda mark: mark.bad / max(mark.allowed, 1e-9))
    if worst.sided:
        return "held" if trial.held else "missed"
    return f"{'held' if trial.held else 'missed'}: {show_percent(worst.bad)} bad, {show_percent(worst.allowed)} allowed"
