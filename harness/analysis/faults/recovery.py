"""Recovery: how long after healing the service was as it had been before the fault.

    the thirty seconds before        fault          healed    row of three
    |--|--|--|--| ... |--|--|LEAD|=============|- - -|xx|xx|ok|ok|ok|
             band                                    0     2: recovered after 2 s    (tests/analysis/faults/test_recovery.py)

Definitions. Seconds are counted from healing; a call belongs to the second of its intended start. A *group* is the
load as a whole (the calls of the load), or one operation. A group has recovered with the first second of three in a
row that lie inside its band (`band`: failures, median, share of slow calls), each by itself and as a row. So 0 means
that it was inside from the moment of healing on. The band is what the thirty seconds before the fault were like (fewer
when the load step began later, without the time of other faults).

The service has recovered when the load has, and each operation that can be judged: the slowest of them counts. It has
*not recovered* when one of them was out, and has no three good seconds until the end of what was observed: until the
load step ends, or another fault is applied. `still` says in words what is still wrong, and with which operation.
Calls before and after are counted in whole seconds, so a recovery is known to `RESOLUTION_S`.

An operation is judged by itself when it has `LEAST_OK` ok calls before; those of the load that have fewer, and those
that nobody called in three seconds after healing, are `unjudged`, unless they were certainly out (`LEAST_TRIED` calls
before can show that: twelve calls of 5 ms, then twelve of 200 ms). Operations of
the protocol (`calls`) are judged like others, and are no part of the load.

Looking at many groups finds something in one of them by chance. So the load is given half of what chance may have
(`chance.RARE`), and the operations share the other half. Once a group was certainly out, it must look well with less
doubt than that to be back (`BACK_RARE`): an operation that is called twice a second is not back because two of its
calls were quick.

A second without a decided call is neither in nor out. It does not count among the three, and they may stand
around it, as long as there are no more in a row than before the fault (of an operation: twice as many), or than
chance makes at that rate: a longer pause is out, for a service whose users all wait has not recovered.

*Unknown* is a recovery that could not be seen: too little before (`LEAST_S` seconds, `LEAST_OK` ok calls), a service
most of whose calls failed before, nothing out but fewer than three seconds with calls after that, not healed, another
fault on at the time. What is certainly out is not unknown.

False alarms and power are measured in tests/analysis/faults/test_recovery_calibration.py.

Throughput is not compared: a service that is fast and correct for a few returning users has recovered.
Slower by less than a quarter, or than 2 ms, is not seen; nor are slow calls that are less than a tenth of all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from harness.analysis.calls.calls import FAILED, Calls
from harness.analysis.faults import traces
from harness.analysis.faults.band import DENSE, LONG, ROW, SEVEN, Band, CallCounts, Sign, count, make, widened
from harness.analysis.faults.planned import PlannedFault, disturbed
from harness.analysis.faults.traces import LEAST_OK, LOAD, CallGroup
from harness.analysis.levels.steps import Step
from harness.analysis.statistics import chance, spans
from harness.analysis.statistics.rounding import show
from harness.analysis.statistics.spans import Span
from harness.foundation.units import NS_PER_MS, NS_PER_S
from harness.mcp.operations import is_protocol

BEFORE_S: Final = 30
LEAST_S: Final = 5
LEAST_TRIED: Final = 5
RESOLUTION_S: Final = 1.0
BACK_RARE: Final = 0.02
WORKS: Final = 0.5  # the share of calls that must succeed before a fault, so that there is a normal state
LATEST_S: Final = 10  # the last seconds, which `still` describes

Outcome = Literal["recovered", "not_recovered", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRecovery:
    """The recovery of one group; `still` says what is wrong at the end, when it has not recovered."""

    name: str
    outcome: Outcome
    recover_s: float | None = None
    still: str = ""
    excess: float = 0.0  # how far outside the band it is at the end; the largest is the worst group
    good_s: int = 0  # good seconds in a row at the end
    why: str = ""  # why it is unknown whether it is still out


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """The recovery; `recover_s` if it recovered, `why` if unknown, `still` if it has not recovered."""

    outcome: Outcome
    recover_s: float | None = None
    observed_s: float = 0.0
    why: str = ""
    still: str = ""
    slowest: str = ""  # the operation that came back later than others, or did not
    operations: tuple[GroupRecovery, ...] = ()
    unjudged: tuple[str, ...] = ()  # operations of the load with too few calls

    def of(self, operation: str) -> GroupRecovery | None:
        """The recovery of one operation; None when it was not judged."""
        return next((one for one in self.operations if one.name == operation), None)

    def not_back(self) -> str:
        """Say what is still wrong: `29 s after healing: tools/call:b is still at 200 ms, 5.00 ms before`."""
        return f"{self.observed_s:.0f} s after healing" + (f": {self.still}" if self.still else "")


def before(fault: PlannedFault, steps: Sequence[Step], faults: Sequence[PlannedFault]) -> list[Span]:
    """The seconds before the fault, newest first: of the same load step, without the time of other faults."""
    step = step_of(fault, steps)
    if fault.disturbed is None or step is None:
        return []
    others = disturbed(_others(fault, faults))
    end_ns = fault.disturbed[0]
    back = [(end_ns - (k + 1) * NS_PER_S, end_ns - k * NS_PER_S) for k in range(BEFORE_S)]
    return [one for one in back if one[0] >= step.start_ns and not spans.meets(one, others)]


def observed(fault: PlannedFault, steps: Sequence[Step], faults: Sequence[PlannedFault]) -> Span | None:
    """The time from healing to the end of the load step or the next fault; None when that is unknown."""
    step = step_of(fault, steps)
    if fault.healed_ns is None or fault.disturbed is None or step is None:
        return None
    later = [start for start, _ in disturbed(_others(fault, faults)) if start >= fault.healed_ns]
    return fault.healed_ns, max(fault.healed_ns, min([step.end_ns, *later]))


def _others(fault: PlannedFault, faults: Sequence[PlannedFault]) -> list[PlannedFault]:
    return [one for one in faults if one.name != fault.name]


def step_of(fault: PlannedFault, steps: Sequence[Step]) -> Step | None:
    """The load step in which a fault was applied."""
    on_ns = fault.on_ns
    return next((one for one in steps if on_ns is not None and one.start_ns <= on_ns < one.end_ns), None)


def measure(
    calls: Calls, fault: PlannedFault, steps: Sequence[Step], faults: Sequence[PlannedFault]
) -> Recovery:
    """How long the recovery took, or why that is unknown."""
    if fault.window is None:
        return Recovery(outcome="unknown", why="it was never applied")
    if fault.healed_ns is None:
        return Recovery(outcome="unknown", why="events.jsonl does not say when it was healed")
    after = observed(fault, steps, faults)
    if after is None:
        return Recovery(outcome="unknown", why="it was applied outside the measured part of the load steps")
    healed: Span = (after[0], after[0] + 1)
    on = [one.name for one in _others(fault, faults) if spans.meets(healed, disturbed([one]))]
    if on:
        return Recovery(outcome="unknown", why=f"{', '.join(on)} was on when it was healed")
    back = before(fault, steps, faults)
    groups = traces.split(calls, back, after, disturbed(faults))
    if why := _too_little(groups[LOAD], back, calls):
        return Recovery(outcome="unknown", why=why)
    return _merged(_judged(groups, back, after), groups, after)


def _too_little(load: CallGroup, back: Sequence[Span], calls: Calls) -> str:
    """Why there is no band; empty when there is one."""
    if len(back) < LEAST_S:
        return (
            f"only {len(back)} s of measured load came before it, and {LEAST_S} s are needed: apply it later"
        )
    past = count(load.before)
    if past.failed > past.ok:
        most = _commonest_failure(calls, back)
        return f"{past.failed:,} of {past.decided:,} calls failed before it, most of them by {most}: there was no normal state to compare with"
    if past.ok < LEAST_OK:
        return f"only {past.ok} calls succeeded before it, and {LEAST_OK} are needed: more users, or a later fault"
    return ""


def _commonest_failure(calls: Calls, back: Sequence[Span]) -> str:
    parts = [calls.between(*span) for span in back]
    failed = np.concatenate([part.outcome[part.kind == FAILED] for part in parts])
    return calls.names["outcome"][int(np.bincount(failed).argmax())]


def _judged(groups: Mapping[str, CallGroup], back: Sequence[Span], after: Span) -> dict[str, GroupRecovery]:
    """The load, and each operation with enough calls before."""
    able = [name for name, group in groups.items() if name != LOAD and _has_band(group)]
    if len(groups) == 2:  # the only operation is the load itself
        able = []
    load = groups[LOAD]
    recoveries = {LOAD: _search(load, make(load.before, back, chance.RARE / 2), after)}
    if able:
        assert load.relative is not None
        pace = make(load.relative, back, chance.RARE)
        for name in able:
            own = make(groups[name].before, back, chance.RARE / (2 * len(able)))
            recoveries[name] = _search(groups[name], widened(own, pace), after)
    return recoveries


def _has_band(group: CallGroup) -> bool:
    past = count(group.before)
    return past.ok >= LEAST_TRIED and past.ok >= WORKS * past.decided


def _is_seen(one: GroupRecovery, groups: Mapping[str, CallGroup]) -> bool:
    """Whether an operation can be judged: a few calls before can only show that it was out."""
    return one.outcome == "not_recovered" or (
        one.outcome == "recovered" and (one.recover_s != 0 or count(groups[one.name].before).ok >= LEAST_OK)
    )


def _merged(
    recoveries: Mapping[str, GroupRecovery], groups: Mapping[str, CallGroup], after: Span
) -> Recovery:
    """The worst recovery among the load and its operations."""
    load, *operations = recoveries.values()
    seen = [one for one in operations if _is_seen(one, groups)]
    names = {one.name for one in seen}
    unjudged = [name for name in groups if operations and name not in names and name != LOAD]
    unjudged = [name for name in unjudged if not is_protocol(name)]
    observed_s = (after[1] - after[0]) / NS_PER_S
    merged = Recovery(
        outcome=load.outcome, observed_s=observed_s, operations=tuple(seen), unjudged=tuple(sorted(unjudged))
    )
    if out := [one for one in (load, *seen) if one.outcome == "not_recovered"]:
        parts = [one for one in out if one.name != LOAD]
        all_of_it = load in out and (not parts or len(parts) == len(seen) > 1)
        worst = load if all_of_it else max(parts, key=lambda one: one.excess)
        more = len(parts) - 1 if worst in parts else 0
        others = f"; so {'is' if more == 1 else 'are'} {more} other{'s' if more > 1 else ''}" if more else ""
        return replace(merged, outcome="not_recovered", still=worst.still + others, slowest=worst.name)
    if doubtful := [one for one in recoveries.values() if one.why]:
        return replace(merged, outcome="unknown", why=doubtful[0].why, slowest=doubtful[0].name)
    if load.outcome == "unknown":
        why = (
            f"only {load.good_s} s with calls came between healing and the end of the load step or the next fault, "
            f"and {ROW} are needed"
        )
        return replace(merged, why=why)
    last_s = max(one.recover_s or 0.0 for one in (load, *seen))
    late = [one.name for one in seen if one.recover_s == last_s]
    return replace(merged, recover_s=last_s, slowest=late[0] if 0 < len(late) < len(seen) else "")


def _search(group: CallGroup, band: Band, after: Span) -> GroupRecovery:
    """Look at each second in turn for the first row of three that is inside the band."""
    start_ns, end_ns = after
    pause_most_s = band.pause_most_s(1 if group.name == LOAD else 2)
    began, pause, second = 0, 0, -1
    last: Sign = ""
    inside: list[tuple[int, CallCounts]] = []
    while (second := second + 1) < (end_ns - start_ns) // NS_PER_S:
        part = count(group.after.second(start_ns + second * NS_PER_S))
        pause = 0 if part.decided else pause + 1
        if not part.decided and pause <= pause_most_s:
            continue
        rare = BACK_RARE if last else band.rare
        sign: Sign = "silent"
        if part.decided:
            sign = band.of_second(part, rare) if last else band.of_first(part)
        if sign:
            began, inside, last = second + 1, [], sign
            continue
        inside.append((second, part))
        if len(inside) < ROW:
            continue
        edges = start_ns + inside[0][0] * NS_PER_S, start_ns + (second + 1) * NS_PER_S
        sign = _of_rows(group, band, [each for _, each in inside], (*edges, end_ns), rare)
        if not sign:
            return GroupRecovery(name=group.name, outcome="recovered", recover_s=float(began))
        # The seconds after the first of the row are examined again, because something was out.
        began, second, last, inside, pause = inside[0][0] + 1, inside[0][0], sign, [], 0
    if not last:
        return GroupRecovery(name=group.name, outcome="unknown", good_s=len(inside))
    if why := _doubt(group, band, last, (start_ns + began * NS_PER_S, end_ns), len(inside)):
        return GroupRecovery(name=group.name, outcome="unknown", why=why)
    now = count(group.after.between(max(start_ns, end_ns - LATEST_S * NS_PER_S), end_ns))
    return GroupRecovery(
        name=group.name,
        outcome="not_recovered",
        still=_still(group, band, last, now),
        excess=_excess(band, now),
    )


def _doubt(group: CallGroup, band: Band, last: Sign, rest: Span, good_s: int) -> str:
    """Why it is unknown whether a group that was out still is (too few calls); empty when it is known."""
    name = group.name or "the load"
    if last == "silent" and not good_s:
        silent_s = (rest[1] - (group.after.at_ns[-1] if len(group.after) else rest[0])) / NS_PER_S
        return f"{name} was not called in the last {silent_s:.0f} s" if group.name else ""
    enough = rest[1] - rest[0] >= ROW * NS_PER_S  # for three good seconds, had there been calls in them
    if not good_s or not enough or band.of_long(count(group.after.between(*rest)), BACK_RARE):
        return ""
    return f"{name} was out of its usual range at first; after that only {good_s} s had calls of it, and {ROW} are needed"


def _of_rows(
    group: CallGroup, band: Band, parts: Sequence[CallCounts], edges: tuple[int, int, int], rare: float
) -> Sign:
    """The figure that is out in three seconds; with few calls, in as many seconds as have enough."""
    start_ns, row_ns, end_ns = edges
    together = count(group.after.between(start_ns, row_ns))
    sign = band.of_row(parts, together, rare)
    if sign:
        return sign
    if band.is_odd and all(part.ok >= DENSE for part in parts):
        more = (count(group.after.second(start_ns + k * NS_PER_S)) for k in range(SEVEN))
        return band.of_seven([part for part in more if part.ok >= DENSE], rare)
    if together.decided >= LONG:
        return ""
    at_ns = group.after.at_ns
    last = int(np.searchsorted(at_ns, start_ns)) + LONG - 1
    long_ns = end_ns if last >= len(at_ns) else max(row_ns, int(at_ns[last]) + 1)
    return band.of_long(count(group.after.between(start_ns, long_ns)), rare)


def _excess(band: Band, now: CallCounts) -> float:
    """Roughly, how many times worse the group is than before."""
    slower = now.median_ns / band.whole.median_ns if band.whole.median_ns else 1.0
    return slower + 100 * (now.failed_share - band.whole.failed_share) + 10 * now.slow_share


def _still(group: CallGroup, band: Band, sign: Sign, now: CallCounts) -> str:
    """Say what is still wrong with the group."""
    was, name = band.whole, group.name
    of_it = f"the calls of {name}" if name else "all calls"
    all_of_it = f"all calls of {name}" if name else "all calls"
    if sign == "slow" and now.slow_share > 0.5:
        sign = "median"  # the median says more when most calls are slow
    match sign:
        case "failed":
            those = all_of_it if now.failed_share == 1 else f"{_share(now.failed_share)} of {of_it}"
            return f"{those} still fail, {_share(was.failed_share)} before"
        case "median":
            at, before_ = (show(part.median_ns / NS_PER_MS, "ms") for part in (now, was))
            return f"{name or 'the median call'} is still at {at}, {before_} before"
        case "slow":
            usual = show(group.slow_ns / NS_PER_MS, "ms")
            than = f"still take more than {usual}" if name else "are still slower than usual"
            return f"{_share(now.slow_share)} of {of_it} {than}, {_share(was.slow_share)} before"
        case _:
            return f"{name} was not called again" if name else "no call was started again"


def _share(value: float) -> str:
    if 0 < value < 0.01:
        return "under 1%"
    return f"{value:.0%}" if value <= 0.99 or value == 1 else "over 99%"
