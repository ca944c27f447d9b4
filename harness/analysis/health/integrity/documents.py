"""Check plan.json, metadata.json and scenario.yaml against each other, and against what happened.

- A run has all three (scenario.yaml and plan.json are written before anything starts), and they agree: name, seed,
  time-out, warm-up, workers, objectives, the names of steps and faults.
- A run's id is the time at which it began and six letters; the directory has that name, if it has the name of a run.
- Steps that were asked for are those of the plan, in its order (a level may be repeated to confirm a break, and a ramp
  that broke leaves its other levels out). A step begins to be measured after its settling time and ends with its hold.
- Faults that happened are those of the plan. An experiment brings its own.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from harness.analysis.health.integrity.files import Record
from harness.foundation.units import NS_PER_S
from harness.run_directory.event_kinds import (
    ExperimentEnded,
    FaultDid,
    FaultEvent,
    StepAsked,
    StepDone,
    StepRunning,
)
from harness.run_directory.events import said

RUN_ID: Final = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{6}")
CONFIRM: Final = "confirm"
LAST_GOOD: Final = "last_good"
EXPERIMENT: Final = "chaos"
TOLD: Final = frozenset({"kind", "link", "parameters"})
# Of scenario.yaml, and where metadata.json says the same.
SAME: Final = {
    "name": "scenario",
    "seed": "seed",
    "timeout": "timeout_s",
    "warm_up": "warmup_s",
    "objectives": "objectives",
}


def find(record: Record) -> Iterator[str]:
    """Yield one sentence for each contradiction in these files."""
    if record.metadata is None:
        yield "there is no metadata.json, or nothing in it"
    if record.plan is None:
        yield "there is no plan.json, or nothing in it"
    if (
        record.scenario is None
        and record.conducted
        and not any("scenario.yaml" in why for why in record.unread)
    ):
        yield "there is no scenario.yaml"
    yield from _figures(record)
    yield from _identity(record)
    yield from _agreement(record)
    if record.plan:
        yield from _planned(record)
        yield from _faults(record)


def _figures(record: Record) -> Iterator[str]:
    """Check that the values used in calculations are numbers."""
    for name in ("timeout_s", "warmup_s", "workers", "clock_error_ms"):
        value = (record.metadata or {}).get(name)
        if value is not None and (record.number(name) is None or not 0 <= value < float("inf")):
            yield f"metadata.json says {name}: {str(value)[:40]!r}"
    objectives = (record.metadata or {}).get("objectives")
    if objectives is not None and not (
        isinstance(objectives, list) and all(isinstance(text, str) for text in objectives)
    ):
        yield "the objectives in metadata.json are not a list of texts"
    if record.conducted and record.metadata:
        missing = [name for name in ("run_id", "seed", "timeout_s", "workers") if name not in record.metadata]
        if missing:
            yield f"metadata.json does not say {', '.join(missing)}"


def _identity(record: Record) -> Iterator[str]:
    run_id, started_at = ((record.metadata or {}).get(name) for name in ("run_id", "started_at"))
    if RUN_ID.fullmatch(record.run_name) and run_id != record.run_name and record.metadata is not None:
        yield f"metadata.json is that of the run {run_id}"
    match = RUN_ID.fullmatch(str(run_id))
    if match is None:
        return
    try:
        began = datetime.fromisoformat(str(started_at))
    except ValueError:
        yield f"metadata.json says that the run {run_id} began at {started_at}"
        return
    if f"{began:%Y%m%dT%H%M%SZ}" != match[1]:
        yield f"metadata.json says that the run {run_id} began at {started_at}"


def _agreement(record: Record) -> Iterator[str]:
    metadata, plan, scenario = record.metadata or {}, record.plan or {}, record.scenario or {}
    for name in ("scenario", "seed"):
        yield from _differ("plan.json", plan, name, metadata, name)
    for theirs, ours in SAME.items():
        yield from _differ("scenario.yaml", scenario, theirs, metadata, ours)
    if "warm_up" in plan:
        warm_up = {"warm_up": (plan["warm_up"] or {}).get("hold_s") or 0}
        yield from _differ("plan.json", warm_up, "warm_up", metadata, "warmup_s")
    if scenario:
        workers = {"workers": sum(scenario.get(name) or 0 for name in ("workers", "expect_workers"))}
        yield from _differ("scenario.yaml", workers, "workers", metadata, "workers")
    errors = [one.get("error_ms") or 0.0 for one in _mappings(metadata.get("clocks"))]
    if errors and max(errors) != metadata.get("clock_error_ms"):
        yield "the clocks in metadata.json have another error than clock_error_ms says"
    if scenario and plan:
        yield from _names(plan, scenario)


def _differ(
    file: str, document: Mapping[str, Any], theirs: str, metadata: Mapping[str, Any], ours: str
) -> Iterator[str]:
    if theirs in document and ours in metadata and document[theirs] != metadata[ours]:
        yield f"{file} and metadata.json differ in {ours}"


def _names(plan: Mapping[str, Any], scenario: Mapping[str, Any]) -> Iterator[str]:
    asked = [fault.get("name") for fault in _mappings(scenario.get("faults"))]
    if asked != [fault.get("name") for fault in _mappings(plan.get("faults"))]:
        yield "scenario.yaml and plan.json differ in their faults"
    phases = [step.get("phase") for step in _mappings(plan.get("steps"))]
    named = [phase.get("name") for phase in _mappings(scenario.get("load")) if phase.get("name")]
    if missing := [name for name in named if name not in phases]:
        yield f"plan.json does not have the step {missing[0]} of scenario.yaml"


def _planned(record: Record) -> Iterator[str]:
    """Compare the steps and faults that happened with the plan."""
    steps = _mappings((record.plan or {}).get("steps"))
    asked = list(record.of(StepAsked))
    place = -1
    searched: set[str] = set()
    played = 0
    for event in asked:
        repeated = event.kind == CONFIRM or event.name in searched  # a search goes on
        played += not repeated
        place = _place(steps, event, place if repeated else place + 1, repeated=repeated)
        if place < 0:
            yield f"plan.json does not have step {event.index} as it was played"
            return
        if steps[place].get("search"):
            searched.add(event.name)
        else:
            yield from _timing(record, steps[place], event.index)
    ended = record.ended
    if record.conducted and ended is not None and ended.reason == "completed" and played != len(steps):
        yield f"plan.json has {len(steps)} steps, and {played} were played"


def _place(steps: Sequence[Mapping[str, Any]], event: StepAsked, first: int, *, repeated: bool) -> int:
    """The index of the plan's step for this event, from `first` on; -1 when there is none."""
    last = first + 1 if repeated else len(steps)
    for place in range(max(first, 0), min(last, len(steps))):
        step = steps[place]
        if search := step.get("search"):
            if (step.get("phase"), step.get("kind")) == (event.name, event.kind) and _tried(search, event):
                return place
            continue
        rate = (step.get("arrivals") or {}).get("rate_per_s")
        same = (step.get("phase"), rate) == (event.name, event.rate)
        kind = event.kind in {CONFIRM, step.get("kind")}
        if same and kind and step.get("users") in {LAST_GOOD, event.users}:
            return place
    return -1


def _tried(search: Mapping[str, Any], event: StepAsked) -> bool:
    """Whether a search may have tried this load."""
    load = event.users if search.get("whole") else event.rate
    return load is not None and 0 < load <= search.get("most", 0)


def _timing(record: Record, step: Mapping[str, Any], index: int) -> Iterator[str]:
    """Check that the step was measured at the times of the plan."""
    running = next((one for one in record.of(StepRunning) if one.index == index), None)
    done = next((one for one in record.of(StepDone) if one.index == index), None)
    if not record.conducted or running is None or done is None:
        return
    settle_s = 0.0 if step.get("requests") else float(step.get("settle_s") or 0)
    if done.start_ns != running.at_ns + int(settle_s * NS_PER_S):
        yield f"step {index} was not measured from the end of its settling time on"
    hold_s = step.get("hold_s")
    if not step.get("requests") and hold_s is not None:
        end_ns = running.at_ns + int(hold_s * NS_PER_S)
        early = done.end_ns < end_ns and not any(True for _ in record.of(ExperimentEnded))
        if done.end_ns > end_ns or early:
            yield f"step {index} was not measured until the end of its hold"


def _faults(record: Record) -> Iterator[str]:
    plan, metadata = record.plan or {}, record.metadata or {}
    planned = {str(fault.get("name")): fault for fault in _mappings(plan.get("faults"))}
    if metadata.get("command") == EXPERIMENT and not plan.get("matrix"):
        return  # it is steered from outside
    for event in record.events:
        if not isinstance(event, FaultEvent) or isinstance(event, FaultDid):
            continue
        fault = planned.get(event.name)
        if fault is None:
            yield f"the fault {event.name} is not in plan.json"
            return
        fields = {key: value for key, value in said(event).items() if key in TOLD and value is not None}
        if wrong := [key for key in fields if key in fault and fields[key] != fault[key]]:
            yield f"plan.json has another {wrong[0]} for the fault {event.name}"
            return


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
