"""The series of a figure over runs, from measured runs: what a trend draws, and where it changed.

Runs of one kind (scenario, server, machine, protocol) make one trend; of several kinds the newest run's is taken. Runs that are
unknown or excluded are no part of it.
"""

from collections.abc import Collection, Sequence
from typing import Final

from msgspec import Struct

from harness.history.comparison import likeness
from harness.history.comparison.gates import by_ratio
from harness.history.comparison.measured import LOWER_IS_WORSE, MeasuredRun
from harness.history.trend.change_points import ChangePoint, change_points

GATE: Final = 0.03
FIGURES_MOST: Final = 40


class Point(Struct, frozen=True, kw_only=True):
    """The figure of one run."""

    run_id: str
    at_s: float
    commit: str
    value: float


class Series(Struct, frozen=True, kw_only=True):
    """One figure over the runs that have it, oldest first."""

    of: str
    name: str
    unit: str
    points: tuple[Point, ...]
    changes: tuple[ChangePoint, ...]
    marked: tuple[int, ...] = ()  # the changes (by `at`) that somebody called false positives

    @property
    def worse(self) -> tuple[ChangePoint, ...]:
        """The changes for the worse that nobody called false."""
        sign = -1 if self.name in LOWER_IS_WORSE else 1
        return tuple(one for one in self.changes if sign * one.change > 0 and one.at not in self.marked)


class Trend(Struct, frozen=True, kw_only=True):
    """Every figure of runs of one kind."""

    scenario: str
    runs: int
    left_out: int  # unknown, excluded, or of another kind
    series: tuple[Series, ...]


def trend(
    runs: Sequence[MeasuredRun],
    commits: dict[str, str],
    false_positives: Collection[tuple[str, str, str]] = (),
) -> Trend:
    """The trend of these runs; `commits` by run id, false positives as (run id, of, figure)."""
    fit = sorted((run for run in runs if not likeness.why_left_out(run)), key=lambda run: run.started_at_s)
    alike = [run for run in fit if run.kind == fit[-1].kind]
    keys: dict[tuple[str, str], list[tuple[MeasuredRun, float, str]]] = {}
    for run in alike:
        for one in run.values:
            if one.leading:
                keys.setdefault((one.of, one.name), []).append((run, one.value, one.unit))
    series = []
    for (of, name), there in list(keys.items())[:FIGURES_MOST]:
        points = tuple(
            Point(run_id=run.run_id, at_s=run.started_at_s, commit=commits.get(run.run_id, ""), value=value)
            for run, value, _ in there
        )
        unit = there[0][2]
        gate = GATE if by_ratio(name, unit) else 0.005
        changes = change_points([one.value for one in points], gate)
        series.append(
            Series(
                of=of,
                name=name,
                unit=unit,
                points=points,
                changes=changes,
                marked=tuple(
                    one.at for one in changes if (points[one.at].run_id, of, name) in false_positives
                ),
            )
        )
    scenario = alike[-1].scenario if alike else ""
    return Trend(scenario=scenario, runs=len(alike), left_out=len(runs) - len(alike), series=tuple(series))
