"""Recovery: how long after healing the service was as it had been before the fault.

    the thirty seconds before        fault          healed    row of three
    |--|--|--|--| ... |--|--|LEAD|=============|- - -|xx|xx|ok|ok|ok|
             band                                    0     2: recovered after 2 s    (tests/analysis/test_recovery.py)

Definitions. Seconds are counted from healing; a call belongs to the second of its intended start.
Recovered is the first second of three in a row that lie inside the band, each by itself and all three
together. So 0 means that it was inside from the moment of healing on. The three together count because a second
with two calls proves little.

The band is what the thirty seconds before the fault were like (fewer when the load step began later, without
the time of other faults). A second lies inside when both hold:

- Median response time of its ok calls: at most a quarter, or 2 ms, above the slowest second before, or above what
  so few calls show by chance (`chance.median_level`). The quarter, because services drift by that much without
  cause; 2 ms, because a machine that is shared adds that much to every call of a second, and to a service that
  answers within one millisecond it is more than a quarter; the slowest second, because calls come in better and
  worse seconds; chance, because the median of three calls jumps. There is no lower bound: nobody waits to
  recover from being fast.
- Failures among its decided calls: at most the share of the worst second before, or what chance shows after so
  many good calls (`chance.failures_most`). Once a failure in three thousand calls was seen, another is no news;
  two in one second are.

Only seconds with at least `ENOUGH` calls can be the slowest or worst one: with fewer it is chance.

A second without a decided call is neither in nor out. It does not count among the three, and they may stand
around it, as long as there are no more in a row than before the fault, or than chance makes at that rate: a
longer pause is out, for a service whose users all wait has not recovered.

Observed is until the load step ends, or another fault is applied. What was out and has no three good seconds until
then has *not recovered*. *Unknown* is a recovery that could not be seen: too little before (`LEAST_S` seconds,
`LEAST_OK` ok calls), nothing out but fewer than three seconds after, not healed, another fault on at the time.

False alarms and power are measured in tests/analysis/test_recovery_calibration.py.

What it does not know: throughput. A service that is fast and right for the few who come back has recovered.
One very bad second before the fault hides one as bad after it. Slower by less than a quarter, or than 2 ms, is not seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from harness.analysis import chance, latency, spans
from harness.analysis.calls import FAILED, OK, Calls, Ints
from harness.analysis.exposure import untouched
from harness.analysis.faults import Fault, disturbed
from harness.analysis.spans import Span
from harness.analysis.steps import Step
from harness.units import NS_PER_S

BEFORE_S: Final = 30
ROW: Final = 3
LEAST_S: Final = 5
LEAST_OK: Final = 20
ENOUGH: Final = 10
MARGIN: Final = 0.25
MARGIN_NS: Final = 2_000_000

Outcome = Literal["recovered", "not_recovered", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """How it went; `recover_s` only when it recovered, `why` only when it is unknown."""

    outcome: Outcome
    recover_s: float | None = None
    observed_s: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """What was normal."""

    durations_ns: Ints  # of ok calls, sorted
    failed: int
    decided: int
    slowest_ns: float  # the median of the slowest second
    worst_share: float  # of failures in the worst second
    pause_most_s: int

    def holds(self, calls: Calls) -> bool:
        """Whether these calls are as before."""
        failed, ok = calls.count(FAILED), calls.response_ns()
        decided = failed + len(ok)
        bad_most = max(self.worst_share * decided, chance.failures_most(decided, self.failed, self.decided))
        return failed <= bad_most and (not len(ok) or _median(ok) <= self.limit_ns(len(ok)))

    def limit_ns(self, count: int) -> float:
        """The highest median of so many calls."""
        rank = int(np.ceil(chance.median_level(count) * len(self.durations_ns))) - 1
        by_chance = float(self.durations_ns[min(max(rank, 0), len(self.durations_ns) - 1)])
        usual_ns = max(self.slowest_ns, by_chance)
        return usual_ns + max(MARGIN * usual_ns, MARGIN_NS)


def before(fault: Fault, steps: Sequence[Step], faults: Sequence[Fault]) -> list[Span]:
    """The seconds before a fault, newest first: those of its load step, without the time of other faults."""
    step = step_of(fault, steps)
    if fault.disturbed is None or step is None:
        return []
    others = disturbed(_others(fault, faults))
    end_ns = fault.disturbed[0]
    back = [(end_ns - (k + 1) * NS_PER_S, end_ns - k * NS_PER_S) for k in range(BEFORE_S)]
    return [one for one in back if one[0] >= step.start_ns and not spans.meets(one, others)]


def observed(fault: Fault, steps: Sequence[Step], faults: Sequence[Fault]) -> Span | None:
    """From healing to the end of the load step, or to the next fault."""
    step = step_of(fault, steps)
    if fault.healed_ns is None or fault.disturbed is None or step is None:
        return None
    later = [start for start, _ in disturbed(_others(fault, faults)) if start >= fault.healed_ns]
    return fault.healed_ns, max(fault.healed_ns, min([step.end_ns, *later]))


def _others(fault: Fault, faults: Sequence[Fault]) -> list[Fault]:
    return [one for one in faults if one.name != fault.name]


def step_of(fault: Fault, steps: Sequence[Step]) -> Step | None:
    """The load step in which a fault was applied."""
    on_ns = fault.on_ns
    return next((one for one in steps if on_ns is not None and one.start_ns <= on_ns < one.end_ns), None)


def measure(calls: Calls, fault: Fault, steps: Sequence[Step], faults: Sequence[Fault]) -> Recovery:
    """How long it took, or why nobody can say."""
    if fault.window is None:
        return Recovery(outcome="unknown", why="it was never applied")
    if fault.healed_ns is None:
        return Recovery(outcome="unknown", why="nothing says when it was healed")
    after = observed(fault, steps, faults)
    if after is None:
        return Recovery(outcome="unknown", why="it was applied outside the measured part of the load steps")
    healed: Span = (after[0], after[0] + 1)
    on = [one.name for one in _others(fault, faults) if spans.meets(healed, disturbed([one]))]
    if on:
        return Recovery(outcome="unknown", why=f"{', '.join(on)} was on when it was healed")
    found = band(calls, before(fault, steps, faults), fault)
    return Recovery(outcome="unknown", why=found) if isinstance(found, str) else _search(found, calls, after)


def band(calls: Calls, seconds: Sequence[Span], fault: Fault) -> Band | str:
    """What was normal before a fault, or why there is too little to tell."""
    if len(seconds) < LEAST_S:
        return f"only {len(seconds)} s of measured load came before it, and {LEAST_S} s are needed: apply it later"
    parts = [untouched(calls.between(*one), disturbed([fault])) for one in seconds]
    ok = np.sort(np.concatenate([part.response_ns() for part in parts]))
    if len(ok) < LEAST_OK:
        return f"only {len(ok)} calls succeeded before it, and {LEAST_OK} are needed: more users, or a later fault"
    failed = [part.count(FAILED) for part in parts]
    decided = [part.decided() for part in parts]
    medians = [_median(part.response_ns()) for part in parts if part.count(OK) >= ENOUGH]
    shares = [bad / all_ for bad, all_ in zip(failed, decided, strict=True) if all_ >= ENOUGH]
    return Band(
        durations_ns=ok,
        failed=sum(failed),
        decided=sum(decided),
        slowest_ns=max(medians, default=0.0),
        worst_share=max(shares, default=0.0),
        pause_most_s=max(_longest_pause(decided), chance.pause_most_s(sum(decided) / len(seconds))),
    )


def _search(band: Band, calls: Calls, after: Span) -> Recovery:
    """Second by second: the first row of three that is inside."""
    start_ns, end_ns = after
    whole_s = (end_ns - start_ns) // NS_PER_S
    observed_s = (end_ns - start_ns) / NS_PER_S
    began, pause, was_out = 0, 0, False
    inside: list[int] = []
    for second in range(whole_s):
        part = calls.between(start_ns + second * NS_PER_S, start_ns + (second + 1) * NS_PER_S)
        decided = part.decided()
        pause = 0 if decided else pause + 1
        if not decided and pause <= band.pause_most_s:
            continue
        if not decided or not band.holds(part):
            began, inside, was_out = second + 1, [], True
            continue
        inside.append(second)
        if len(inside) < ROW:
            continue
        row = calls.between(start_ns + inside[0] * NS_PER_S, start_ns + (second + 1) * NS_PER_S)
        if band.holds(row):
            return Recovery(outcome="recovered", recover_s=float(began), observed_s=observed_s)
        began, was_out = inside.pop(0) + 1, True
    if was_out:
        return Recovery(outcome="not_recovered", observed_s=observed_s)
    why = (
        f"only {len(inside)} s with calls came between healing and the end of the load step or the next fault, "
        f"and {ROW} are needed"
    )
    return Recovery(outcome="unknown", observed_s=observed_s, why=why)


def _median(durations_ns: Ints) -> float:
    at = latency.rank(len(durations_ns), 500)
    return float(np.partition(durations_ns, at)[at])


def _longest_pause(decided: Sequence[int]) -> int:
    longest = run = 0
    for count in decided:
        run = 0 if count else run + 1
        longest = max(longest, run)
    return longest
