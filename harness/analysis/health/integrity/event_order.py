"""Check the events against each other: find orders in which they cannot have happened.

    run_started < step_asked <= step_running <= start < end <= step_done <= step_judged < the next ... < run_ended
    fault_on <= fault_verified, fault_on < fault_off <= fault_healed

- Each line once; a run begins and ends once; each step is asked for, runs, is done and judged once.
- Nothing happens before the run began or after it ended (workers report a little earlier).
- The counts of a step, as they were judged while the run went on, are those of its rows: of all of them, or of the
  calls of the load, as versions of the harness count. A step whose calls were given up waiting for is not compared.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from harness.analysis.calls.calls import FAILED, OK, kinds_of
from harness.analysis.health.integrity.files import Record
from harness.analysis.levels.steps import judge
from harness.foundation.units import NS_PER_S
from harness.run_directory.event_kinds import (
    Activity,
    FaultHealed,
    FaultOff,
    FaultOn,
    FaultVerified,
    RunEnded,
    RunStarted,
    StepAsked,
    StepDone,
    StepEvent,
    StepJudged,
    StepRunning,
    WorkerReport,
)
from harness.run_directory.events import KINDS, line, named

STEP: Final[tuple[type[StepEvent], ...]] = (StepAsked, StepRunning, StepDone, StepJudged)
ONCE: Final = (RunStarted, RunEnded)
NAMES: Final = {kind: name for name, kind in KINDS.items()}
SLACK_NS: Final = NS_PER_S
RESOLVED_S: Final = 5.0  # beyond the time-out: as long as the conductor waits for open calls
PROTOCOL: Final = (
    "initialize",
    "notifications/",
    "session/",
    "websocket/",
    "tasks/",
)  # not calls of the load


def find(record: Record) -> Iterator[str]:
    """Yield one sentence for each impossible order of events."""
    yield from _twice(record)
    yield from _outside(record)
    yield from _steps(record)
    yield from _faults(record)
    if record.conducted:
        yield from _counts(record)


def _twice(record: Record) -> Iterator[str]:
    # Where time is played, a worker may say the same twice at the same moment.
    logged = [event for event in record.events if record.real or not isinstance(event, WorkerReport)]
    lines = Counter(line(event) for event in logged)
    twice = {text: count for text, count in lines.items() if count > 1}
    if twice:
        names = sorted({json.loads(text)["event"] for text in twice})
        yield f"events.jsonl has {sum(twice.values()) - len(twice)} lines twice ({', '.join(names)})"
    for kind in ONCE:
        ats = {event.at_ns for event in record.of(kind)}
        if len(ats) > 1:
            yield f"events.jsonl has {NAMES[kind]} {len(ats)} times"


def _outside(record: Record) -> Iterator[str]:
    started_ns, ended = record.started_ns, record.ended
    if started_ns is None:
        if record.conducted and any(isinstance(event, StepEvent) for event in record.events):
            yield "events.jsonl has steps, but not the start of the run"
        return
    inside = [event for event in record.events if not isinstance(event, WorkerReport | Activity)]
    early = [event for event in inside if event.at_ns < started_ns and not isinstance(event, RunEnded)]
    late = [event for event in record.events if ended is not None and event.at_ns > ended.at_ns + SLACK_NS]
    for events, when in ((early, "before the run began"), (late, "after the run had ended")):
        if events:
            yield f"events.jsonl has {named(events[0])} {when}"


def _steps(record: Record) -> Iterator[str]:
    """Check that each step runs from its beginning to its end, one after the other."""
    expected, last_ns, index = 0, 0, 0  # which of STEP comes next, and when the one before was
    for event in (one for one in record.events if isinstance(one, StepEvent)):
        place = STEP.index(type(event))
        if not record.conducted and place == 0 and expected == len(STEP) - 1:
            index, expected = index + 1, 0  # nobody judged it
        if place != expected or event.index != index:
            yield f"step {event.index}: {named(event)} where {NAMES[STEP[expected]]} of step {index} was to come"
            return
        begins_ns, ends_ns = _span(event)
        if begins_ns < last_ns or ends_ns < begins_ns:
            yield f"step {index}: {named(event)} comes before what must come first"
            return
        last_ns = ends_ns
        expected = (expected + 1) % len(STEP)
        index += expected == 0
    if record.whole and record.conducted and expected:
        yield f"step {index}: {NAMES[STEP[expected]]} is missing"


def _span(event: StepEvent) -> tuple[int, int]:
    """The time that an event describes."""
    if isinstance(event, StepDone):
        return event.start_ns, event.end_ns
    return event.at_ns, event.at_ns


def _faults(record: Record) -> Iterator[str]:
    seen: dict[str, dict[type, list[int]]] = {}
    for event in record.events:
        if not isinstance(event, FaultOn | FaultVerified | FaultOff | FaultHealed):
            continue
        seen.setdefault(event.name, {}).setdefault(type(event), []).append(event.at_ns)
    for name, times in seen.items():
        ons = times.get(FaultOn, [])
        for kind in (FaultVerified, FaultOff):
            ats = times.get(kind, [])
            if ats and (not ons or min(ats) < min(ons)):
                yield f"the fault {name}: {NAMES[kind]} before fault_on"
        offs, healed = times.get(FaultOff, []), times.get(FaultHealed, [])
        if offs and healed and max(healed) < max(offs):
            yield f"the fault {name}: fault_healed before fault_off"
        if record.whole and ons and (len(offs) != len(ons) or not healed):
            yield f"the fault {name} was applied, and nothing says when it ended"


def _counts(record: Record) -> Iterator[str]:
    columns = record.rows[["intended_ns", "outcome", "operation"]]
    columns = columns.iloc[np.argsort(columns["intended_ns"].to_numpy(), kind="stable")]
    intended = columns["intended_ns"].to_numpy()
    done = {event.index: event for event in record.of(StepDone)}
    waited_s = (record.number("timeout_s") or 0.0) + RESOLVED_S
    for event in record.of(StepJudged):
        step = done.get(event.index)
        if step is None or event.at_ns - step.end_ns >= waited_s * NS_PER_S:
            continue
        first, last = np.searchsorted(intended, (step.start_ns, step.end_ns))
        of_load, of_all = _counted(columns.iloc[first:last], step.start_ns, step.end_ns)
        logged = (event.requests, event.ok, event.failed)
        if logged not in {of_load, of_all}:
            yield (
                f"step {event.index} was judged by {logged[0]} calls, {logged[1]} of them ok and {logged[2]} failed; "
                f"by its rows they are {of_load[0]}, {of_load[1]} and {of_load[2]}"
            )


def _counted(rows: pd.DataFrame, start_ns: int, end_ns: int) -> tuple[tuple[int, int, int], ...]:
    """The numbers of calls, ok calls and failed calls: of the load, and of all rows."""
    judged, kind = judge(rows, start_ns, end_ns), kinds_of(rows["outcome"])
    of_all = (len(kind), int(np.count_nonzero(kind == OK)), int(np.count_nonzero(kind == FAILED)))
    return (judged.requests, judged.ok, judged.failed), of_all
