"""Reading a run: from its directory to everything that a report shows. The only place of this half with I/O.

`files` has the I/O. What a run did not write is empty; a directory without a trace of a run, or with a file that
cannot be read, is the user's error; a damaged run is read as far as that goes, and its verdict is unknown.
The samples themselves are let go of: a `Reading` stays small however long the run was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from harness import objectives, verdict
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
    warming,
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
from harness.analysis.warming import Warming
from harness.analysis.weakness import Weakness
from harness.errors import HarnessError, UntrustedError
from harness.record.events import Event
from harness.report.files import Files, read_files

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
    warming: tuple[Warming | None, ...] = ()  # of each step
    damage: tuple[str, ...] = ()


def read(run_dir: Path, *, touch: bool = True) -> Reading:
    """Everything there is to know of a run, judged; nothing is written into its directory that is not to be touched."""
    found = read_files(run_dir, touch=touch)
    try:
        return _read(run_dir, found)
    except Exception as error:
        if not found.damage or isinstance(error, HarnessError):
            raise
        raise damaged(run_dir, found.damage) from error


def damaged(run_dir: Path, damage: Sequence[str]) -> UntrustedError:
    """Of a run that is too damaged to be shown."""
    return UntrustedError(f"{run_dir} is damaged", damage[0], "Nothing can be said of this run; run again")


def _read(run_dir: Path, files: Files) -> Reading:
    metadata, plan, events = files.metadata, files.plan, files.events
    numbering = loss.numbering(files.samples, files.started)
    calls = Calls.of(files.samples.drop(columns="seq"))
    load = calls.of_load()
    worked = work.measure(files.work)
    recorded = Recorded(str(run_dir), metadata, plan, events, calls, load, numbering, files.undone, worked)
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
    disturbed = faults.disturbed(one.fault for one in impacts)
    return Reading(
        summary=_judged(
            found,
            verdict.Evidence(
                found, seen, events, impacts, balances, worked, rows, saturated.words(), files.damage
            ),
        ),
        windows=windows.measure(load, events),
        brief=windows.measure(load, events, most=TABLE_ROWS_MOST),
        outcomes=outcomes.measure(load),
        brief_outcomes=outcomes.measure(load, most=TABLE_ROWS_MOST),
        heat=heat.measure(load),
        curve=curve.measure(summary.after_warmup(recorded, load)),
        histograms=histograms.measure(load),
        intervals=pd.DataFrame(
            intervals.measure(load, timed, plan, disturbed),
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
        warming=tuple(warming.measure(load, step, disturbed) for step in timed),
        damage=files.damage,
    )


def _evidence(
    recorded: Recorded, timed: Sequence[steps.Step], found: dict[str, Any], impacts: Sequence[Impact]
) -> observed.Evidence:
    """What objectives look at: without the warm-up."""
    calls, load = (summary.after_warmup(recorded, part) for part in (recorded.calls, recorded.load))
    added = error_budget.measure(recorded.events, [(one.start_ns, one.end_ns) for one in timed])
    return observed.Evidence(calls, load, timed, found, impacts, added)


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
