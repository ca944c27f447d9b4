"""Reading a run: from its directory to everything that a report shows. The only place of this half with I/O.

A run that was cut off still has its spools: they are sealed into samples.parquet here. What a run did not
write is empty; a directory without a trace of a run, or with a file that cannot be read, is the user's error.
The samples themselves are let go of: a `Reading` stays small however long the run was.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from harness import objectives, verdict
from harness.analysis import calls as columns
from harness.analysis import (
    capacity,
    curve,
    error_budget,
    faults,
    headline,
    heat,
    histograms,
    impact,
    intervals,
    knee,
    littles_law,
    loss,
    matrix,
    observed,
    outcomes,
    outside,
    panels,
    saturation,
    steps,
    strata,
    summary,
    weakness,
    windows,
    work,
)
from harness.analysis.calls import Calls
from harness.analysis.capacity import Fit
from harness.analysis.curve import Curve
from harness.analysis.headline import Jump
from harness.analysis.heat import Heat
from harness.analysis.histograms import Interval
from harness.analysis.impact import Impact
from harness.analysis.knee import Knee
from harness.analysis.littles_law import Balance
from harness.analysis.matrix import Row
from harness.analysis.observation import Observation
from harness.analysis.outside import Outside
from harness.analysis.panels import Panel
from harness.analysis.summary import Recorded
from harness.analysis.weakness import Weakness
from harness.errors import HarnessError, UsageError
from harness.record.events import Event, read_events
from harness.record.samples import SCHEMA, frame, load, seal, sealed_counts
from harness.record.undo import DIRECTORY, PROCESS, SHARED_MEMORY, read_open

METADATA: Final = "metadata.json"
PLAN: Final = "plan.json"
EVENTS: Final = "events.jsonl"
SAMPLES: Final = "samples.parquet"
WORK: Final = "work.jsonl"
SPOOL: Final = "spool"
UNDO: Final = "undo.jsonl"
TABLE_ROWS_MOST: Final = 60


@dataclass(frozen=True, slots=True)
class Reading:
    """A run, read: what every report format is made from."""

    summary: dict[str, Any]
    windows: pd.DataFrame
    brief: pd.DataFrame  # the windows again, few enough for a table
    outcomes: pd.DataFrame
    brief_outcomes: pd.DataFrame
    heat: Heat | None
    curve: Curve
    histograms: tuple[Interval, ...]
    intervals: pd.DataFrame  # of long steps, all of them
    panels: tuple[Panel, ...]
    fit: Fit | None
    knee: Knee | None
    balances: tuple[Balance, ...]
    outside: Outside  # why totals and steps are not the same number
    jumps: tuple[Jump, ...]
    steps: tuple[steps.Step, ...]
    observations: tuple[Observation, ...]
    impacts: tuple[Impact, ...]
    matrix: tuple[Row, ...]
    weaknesses: tuple[Weakness, ...]
    events: Sequence[Event]
    metadata: dict[str, Any]
    plan: dict[str, Any]
    run_dir: Path


def read(run_dir: Path) -> Reading:
    """Everything there is to know of a run, judged."""
    if not any((run_dir / name).exists() for name in (METADATA, EVENTS, SAMPLES, SPOOL)):
        raise UsageError(
            f"{run_dir} is not a run",
            "There is neither metadata.json nor events.jsonl in it",
            "Give the directory of a run, for example reports/ramp/latest",
        )
    metadata, plan = _json(run_dir / METADATA), _json(run_dir / PLAN)
    events = read_events(run_dir / EVENTS)
    samples = _samples(run_dir)
    numbering = loss.numbering(samples, sealed_counts(run_dir / SAMPLES))
    calls = Calls.of(samples.drop(columns="seq"))
    load = calls.of_load()
    del samples
    worked = work.measure(_lines(run_dir / WORK))
    recorded = Recorded(
        str(run_dir), metadata, plan, events, calls, load, numbering, _undone(run_dir), worked
    )
    timed = summary.timeline(recorded)
    impacts = impact.measure(calls, summary.fault_timeline(recorded), timed)
    saturated = saturation.judge(events, load, timed)
    rows = matrix.measure(matrix.Evidence(plan, impacts, timed, events, worked, saturated.excesses))
    weak = weakness.find(rows, calls, timed, events)
    found = summary.assemble(recorded, timed, impacts, rows, weak, saturated)
    figures = headline.measure(
        summary.after_warmup(recorded, load), strata.edges(timed, (one.fault for one in impacts))
    )
    found["intervals"] = figures.intervals
    seen = _observe(metadata, _evidence(recorded, timed, found, impacts))
    balances = littles_law.measure(calls, timed)
    return Reading(
        summary=_judged(
            found, verdict.Evidence(found, seen, events, impacts, balances, worked, rows, saturated.words())
        ),
        windows=windows.measure(load, events),
        brief=windows.measure(load, events, most=TABLE_ROWS_MOST),
        outcomes=outcomes.measure(load),
        brief_outcomes=outcomes.measure(load, most=TABLE_ROWS_MOST),
        heat=heat.measure(load),
        curve=curve.measure(summary.after_warmup(recorded, load)),
        histograms=histograms.measure(load),
        intervals=pd.DataFrame(
            intervals.measure(load, timed, plan, faults.disturbed(one.fault for one in impacts)),
            columns=intervals.COLUMNS,
        ),
        panels=panels.measure(calls),
        fit=capacity.measure(found["steps"])[0],
        knee=knee.find(capacity.levels(found["steps"])),
        balances=balances,
        outside=outside.measure(summary.after_warmup(recorded, load), events, timed, found["steps"]),
        jumps=figures.jumps,
        steps=timed,
        observations=tuple(seen),
        impacts=impacts,
        matrix=rows,
        weaknesses=weak,
        events=events,
        metadata=metadata,
        plan=plan,
        run_dir=run_dir,
    )


def _evidence(
    recorded: Recorded, timed: Sequence[steps.Step], found: dict[str, Any], impacts: Sequence[Impact]
) -> observed.Evidence:
    """What objectives look at: without the warm-up."""
    calls, load = (summary.after_warmup(recorded, part) for part in (recorded.calls, recorded.load))
    added = error_budget.measure(recorded.events, [(one.start_ns, one.end_ns) for one in timed])
    return observed.Evidence(calls, load, timed, found, impacts, added)


def _json(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read", str(error), "Is it the directory of a run?") from error
    return data if isinstance(data, dict) else {}


def _lines(path: Path) -> list[dict[str, Any]]:
    """Whole lines of JSON; a torn last one (a crash in mid-write) is left out."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        with suppress(ValueError):
            found.append(json.loads(line))
    return found


def _samples(run_dir: Path) -> pd.DataFrame:
    path, spool = run_dir / SAMPLES, run_dir / SPOOL
    if not path.exists() and spool.is_dir():
        seal(spool, path)
    if not path.exists():
        return frame([SCHEMA.empty_table()])[["seq", *columns.COLUMNS]]
    try:
        return load(path, ["seq", *columns.COLUMNS])
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"{path} cannot be read", str(error), "The file is damaged; run again") from error


def _observe(metadata: dict[str, Any], evidence: observed.Evidence) -> list[Observation]:
    return [_observation(str(text), evidence) for text in metadata.get("objectives") or []]


def _observation(text: str, evidence: observed.Evidence) -> Observation:
    try:
        objective = objectives.parse(text)
    except HarnessError as error:  # written by another version: unknown, never a pass
        unread = objectives.Objective(text, "max", "<", 0.0)
        return Observation(unread, None, error.what)
    try:
        return observed.observe(objective, evidence)
    except Exception as error:  # whatever a measurement trips over, the answer is that we do not know
        return Observation(objective, None, f"could not be measured: {error!r}")


def _undone(run_dir: Path) -> bool:
    """Whether everything that a fault left was undone, by the harness or by its janitor."""
    path = run_dir / UNDO
    return path.exists() and all(one.what in _NO_FAULTS for one in read_open(path))


_NO_FAULTS: Final = (PROCESS, DIRECTORY, SHARED_MEMORY)


def _judged(found: dict[str, Any], evidence: verdict.Evidence) -> dict[str, Any]:
    judged = verdict.judge(evidence)
    return {
        **found,
        "objectives": [
            {"objective": one.objective.text, "observed": _finite(one.value), "outcome": outcome}
            for one, outcome in zip(evidence.observations, judged.objectives, strict=True)
        ],
        "verdict": judged.verdict,
        "reasons": list(judged.reasons),
        "exit_code": judged.exit_code,
    }


def _finite(value: float | None) -> float | None:
    """JSON has no infinity: `reasons` says it in words."""
    return None if value is None or value == float("inf") else round(float(value), 6)
