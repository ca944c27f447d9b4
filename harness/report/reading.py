"""Read a run: from its directory to everything that a report shows.

`files` does the I/O. What a run did not write is empty. A directory that is no run, or has a file that cannot
be read, is an error of the user. A damaged run is read as far as possible, and its verdict is unknown. The
samples are released, so a `Reading` stays small for a long run, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd
from msgspec.structs import replace

from harness.analysis import summary, verdict
from harness.analysis.calls import curve, headline, heat, histograms, intervals, outcomes, panels, windows
from harness.analysis.calls import outside_steps as outside
from harness.analysis.calls.calls import Calls
from harness.analysis.calls.curve import Curve
from harness.analysis.calls.headline import Jump
from harness.analysis.calls.heat import Heat
from harness.analysis.calls.histograms import Interval
from harness.analysis.calls.outside_steps import Outside
from harness.analysis.calls.panels import Panel
from harness.analysis.faults import impact, matrix, planned, weakness, work
from harness.analysis.faults.impact import Impact
from harness.analysis.faults.matrix import Row
from harness.analysis.health import error_budget, lost_calls, saturation
from harness.analysis.levels import capacity, littles_law, strata, warming
from harness.analysis.levels.capacity import Fit
from harness.analysis.levels.littles_law import Balance
from harness.analysis.levels.steps import Step
from harness.analysis.levels.warming import Warming
from harness.analysis.objectives import observed
from harness.analysis.objectives.observation import Observation
from harness.analysis.summary import Recorded
from harness.foundation.errors import HarnessError, UntrustedError
from harness.report.files import Files, read_files
from harness.run_directory.event_kinds import Event
from harness.run_directory.results import ObjectiveResult, StepResult, Summary
from harness.run_directory.results.summary import Outcome
from harness.scenario import objectives

TABLE_ROWS_MOST: Final = 60
PAGE: Final = "report.html"


@dataclass(frozen=True, slots=True)
class Level:
    """A step of the load: its time, its results, and how long its measured part was still warming up."""

    step: Step
    result: StepResult
    warming: Warming | None


@dataclass(frozen=True, slots=True)
class Answer:
    """An objective, its observed value, and whether it holds."""

    seen: Observation
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that was read from a run; every report format is made from it.

    `summary` is the content of summary.json. The other fields are not in that file: tables and curves for the
    charts, and the values behind the results, each with its result.
    """

    summary: Summary
    windows: pd.DataFrame
    brief: pd.DataFrame  # the windows, few enough for a table
    outcomes: pd.DataFrame
    brief_outcomes: pd.DataFrame
    heat: Heat | None
    curve: Curve
    histograms: tuple[Interval, ...]
    intervals: pd.DataFrame  # all intervals of long steps
    panels: tuple[Panel, ...]
    fit: Fit | None
    balances: tuple[Balance, ...]
    outside: Outside  # calls outside of the steps
    jumps: tuple[Jump, ...]
    levels: tuple[Level, ...]
    objectives: tuple[Answer, ...]
    impacts: tuple[Impact, ...]
    matrix: tuple[Row, ...]
    events: Sequence[Event]
    metadata: Mapping[str, Any]
    plan: Mapping[str, Any]
    run_dir: Path
    damage: tuple[str, ...] = ()
    put_in: Path | None = None  # the directory for the report; None: the run directory

    @property
    def page(self) -> Path | None:
        """The path of its report.html; None when it does not exist."""
        path = (self.put_in or self.run_dir) / PAGE
        return path if path.is_file() else None


def read(run_dir: Path, *, touch: bool = True) -> Reading:
    """Read and judge a run; with `touch=False`, nothing is written into its directory."""
    files = read_files(run_dir, touch=touch)
    try:
        return _read(run_dir, files)
    except Exception as error:
        if not files.damage or isinstance(error, HarnessError):
            raise
        raise damaged(run_dir, files.damage) from error


def damaged(run_dir: Path, damage: Sequence[str]) -> UntrustedError:
    """The error for a run that is too damaged to be shown."""
    return UntrustedError(f"{run_dir} is damaged", damage[0], "This run cannot be evaluated; run again")


def _read(run_dir: Path, files: Files) -> Reading:
    metadata, plan, events = files.metadata, files.plan, files.events
    numbering = lost_calls.numbering(files.samples, files.started)
    calls = Calls.of(files.samples.drop(columns="seq"))
    load = calls.of_load()
    worked = work.measure(files.work)
    recorded = Recorded(str(run_dir), metadata, plan, events, calls, load, numbering, files.undone, worked)
    timed = summary.timeline(recorded)
    impacts = impact.measure(calls, summary.fault_timeline(recorded), timed)
    # Trials of a search are trusted one by one (harness.analysis.levels.found_capacity).
    saturated = saturation.judge(events, load, [one for one in timed if one.kind != capacity.SEARCHED])
    rows = matrix.measure(matrix.MatrixInputs(plan, impacts, timed, events, worked, saturated.excesses))
    weak = weakness.find(rows, calls, timed, events)
    figures = headline.measure(
        summary.after_warmup(recorded, load), strata.edges(timed, (one.fault for one in impacts))
    )
    unjudged = summary.assemble(recorded, timed, impacts, rows, weak, saturated, figures.intervals)
    seen = _observe(metadata, _evidence(recorded, timed, unjudged, impacts))
    balances = littles_law.measure(calls, timed)
    disturbed = planned.disturbed(one.fault for one in impacts)
    judged = verdict.judge(
        verdict.VerdictInputs(
            unjudged, seen, events, impacts, balances, worked, rows, saturated.words(), files.damage
        )
    )
    answers = tuple(Answer(*one) for one in zip(seen, judged.objectives, strict=True))
    return Reading(
        summary=_judged(unjudged, judged, answers),
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
        fit=capacity.measure(unjudged.steps)[0],
        balances=balances,
        outside=outside.measure(summary.after_warmup(recorded, load), events, timed, unjudged.steps),
        jumps=figures.jumps,
        levels=tuple(
            Level(step, result, warming.measure(load, step, disturbed))
            for step, result in zip(timed, unjudged.steps, strict=True)
        ),
        objectives=answers,
        impacts=impacts,
        matrix=rows,
        events=events,
        metadata=metadata,
        plan=plan,
        run_dir=run_dir,
        damage=files.damage,
    )


def _evidence(
    recorded: Recorded, timed: Sequence[Step], assembled: Summary, impacts: Sequence[Impact]
) -> observed.ObjectiveInputs:
    """The inputs of objectives, without the warm-up."""
    calls, load = (summary.after_warmup(recorded, part) for part in (recorded.calls, recorded.load))
    added = error_budget.measure(recorded.events, [(one.start_ns, one.end_ns) for one in timed])
    return observed.ObjectiveInputs(
        calls, load, timed, impacts, added, assembled.work, assembled.sessions.lost
    )


def _observe(metadata: Mapping[str, Any], evidence: observed.ObjectiveInputs) -> list[Observation]:
    return [_observation(str(text), evidence) for text in metadata.get("objectives") or []]


def _observation(text: str, evidence: observed.ObjectiveInputs) -> Observation:
    try:
        objective = objectives.parse(text)
    except HarnessError as error:  # for example, written by another version: unknown, never a pass
        unread = objectives.Objective(text, "max", "<", 0.0)
        return Observation(unread, None, error.what)
    try:
        return observed.observe(objective, evidence)
    except Exception as error:  # if a measurement crashes, its result is unknown
        return Observation(objective, None, f"could not be measured: {error!r}")


def _judged(assembled: Summary, judged: verdict.Verdict, answers: Sequence[Answer]) -> Summary:
    return replace(
        assembled,
        objectives=tuple(
            ObjectiveResult(
                objective=one.seen.objective.text, observed=_finite(one.seen.value), outcome=one.outcome
            )
            for one in answers
        ),
        verdict=judged.verdict,
        reasons=judged.reasons,
        exit_code=judged.exit_code,
    )


def _finite(value: float | None) -> float | None:
    """The value rounded; None for infinity, which JSON lacks (`reasons` tells it in words)."""
    return None if value is None or value == float("inf") else round(float(value), 6)
