"""The series of each figure over the nights of the history: what a trend draws, and where it changed for good."""

from typing import Final

from msgspec import Struct

from harness.history.change_points_kept import Change
from harness.history.comparison.gates import by_ratio
from harness.history.comparison.measured import LOWER_IS_WORSE
from harness.history.over_time import Line, Outcomes, OverTime
from harness.history.over_time import Point as Night
from harness.history.trend.change_points import ChangePoint, change_points

GATE: Final = 0.03
GATE_OF_SHARES: Final = 0.005
FIGURES_MOST: Final = 40
NEAR: Final = (
    2  # nights by which a change may move as more nights follow, and is still the one that was marked
)


class Point(Struct, frozen=True, kw_only=True):
    """The figure of one night, or of a run of its own; named for the first run."""

    run_id: str
    at_s: float
    commit: str
    value: float


class Series(Struct, frozen=True, kw_only=True):
    """One figure over the nights that have it, oldest first."""

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
    """Every leading figure of runs of one kind, its objectives and its recoveries from faults."""

    scenario: str
    branch: str
    target: str
    protocol: str
    machine: str
    runs: int
    nights: int  # and runs that belong to none
    series: tuple[Series, ...]
    points: tuple[Night, ...]  # every night, oldest first: those of the outcomes
    outcomes: tuple[Outcomes, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every change point, as the history keeps it."""
        return tuple(
            Change(
                run_id=one.points[change.at].run_id,
                of=one.of,
                name=one.name,
                before=change.before,
                after=change.after,
            )
            for one in self.series
            for change in one.changes
        )


def trend(series_over_time: OverTime) -> Trend:
    """The trend of a series of the history: a value a night, so that repeats of one night do not count as many."""
    return Trend(
        scenario=series_over_time.series.scenario,
        branch=series_over_time.series.branch,
        target=series_over_time.series.target,
        protocol=series_over_time.protocol,
        machine=series_over_time.series.machine,
        runs=sum(point.runs for point in series_over_time.points),
        nights=len(series_over_time.points),
        series=tuple(_series(line, series_over_time) for line in series_over_time.lines[:FIGURES_MOST]),
        points=series_over_time.points,
        outcomes=series_over_time.outcomes,
    )


def _series(line: Line, series_over_time: OverTime) -> Series:
    points = tuple(
        Point(run_id=point.name, at_s=point.at_s, commit=point.commit, value=value)
        for point, value in zip(series_over_time.points, line.values, strict=True)
        if value is not None
    )
    gate = GATE if by_ratio(line.name, line.unit) else GATE_OF_SHARES
    changes = change_points([one.value for one in points], gate)
    marked = tuple(one.at for one in changes if _is_marked(points, one.at, line, series_over_time))
    return Series(of=line.of, name=line.name, unit=line.unit, points=points, changes=changes, marked=marked)


def _is_marked(points: tuple[Point, ...], at: int, line: Line, series_over_time: OverTime) -> bool:
    """Whether somebody called this change false, when it began there or a night or two beside it."""
    near = points[max(0, at - NEAR) : at + NEAR + 1]
    return any((point.run_id, line.of, line.name) in series_over_time.dismissed for point in near)
