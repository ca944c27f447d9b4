"""The series of the history over time: what a trend is about.

A point is a night, or a run that belongs to none: runs that were made together say one thing together, their median. Runs
that are unknown or excluded are no part of a point. What people have dismissed as no change stays dismissed.
"""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Final

from msgspec import Struct

from harness.foundation.errors import UsageError
from harness.foundation.untrusted.documents import short
from harness.history import store
from harness.history.opening import Connection
from harness.history.record import RunRecord, Series
from harness.history.store import Where
from harness.history.tables import storable

RUNS_MOST: Final = 2_000  # of a scenario


class Point(Struct, frozen=True, kw_only=True):
    """A night of a series, or a run of its own."""

    name: str  # of its first run
    at_s: float  # seconds since 1970
    commit: str
    version: str  # the server's own
    runs: int


class Line(Struct, frozen=True, kw_only=True):
    """One figure over time: the value of each point, None where it has none."""

    of: str
    name: str
    unit: str
    leading: bool
    values: tuple[float | None, ...]


class OverTime(Struct, frozen=True, kw_only=True):
    """One series: its points, oldest first, and every figure at each."""

    series: Series
    protocol: str
    points: tuple[Point, ...]
    lines: tuple[Line, ...]
    dismissed: frozenset[tuple[str, str, str]] = frozenset()  # point, of and name of what is no change


async def read(
    connection: Connection, scenario: str | None, branch: str | None = None, most: int = RUNS_MOST
) -> list[OverTime]:
    """Every series of a scenario (None: of the scenario that ran last), by the newest of its runs."""
    if scenario is None:
        newest = await store.find(connection, Where(fit=True, verify=False), most=1, parts=False)
        scenario = newest[0].series.scenario if newest else None
    if scenario is None:
        return []
    where = Where(scenario=storable(scenario), branch=branch and storable(branch), fit=True)
    runs = await store.find(connection, where, most=most)
    if not runs:
        raise UsageError(
            f"There is no run of {short(scenario, 120)} in the history that counts",
            "Nothing of that name and branch is there, or all of it is unknown or excluded",
            "`harness history list` says which scenarios there are",
        )
    dismissed = await _dismissed(connection)
    kinds: dict[tuple[Series, str], list[RunRecord]] = defaultdict(list)
    for run in runs:
        kinds[run.series, run.protocol].append(run)
    return [_over_time(series, protocol, found, dismissed) for (series, protocol), found in kinds.items()]


def _over_time(
    series: Series, protocol: str, runs: Sequence[RunRecord], dismissed: frozenset[tuple[str, str, str]]
) -> OverTime:
    groups: dict[str, list[RunRecord]] = defaultdict(list)
    for run in runs:
        groups[run.night or run.run_id].append(run)
    nights = list(groups.values())
    keys: dict[tuple[str, str], tuple[str, bool]] = {}
    seen: list[dict[tuple[str, str], list[float]]] = []
    for night in nights:
        values: dict[tuple[str, str], list[float]] = defaultdict(list)
        for run in night:
            for one in run.figures:
                keys.setdefault((one.of, one.name), (one.unit, one.leading))
                values[one.of, one.name].append(one.value)
        seen.append(values)
    return OverTime(
        series=series,
        protocol=protocol,
        points=tuple(map(_point, nights)),
        lines=tuple(
            Line(
                of=of,
                name=name,
                unit=unit,
                leading=leading,
                values=tuple(median(values[of, name]) if (of, name) in values else None for values in seen),
            )
            for (of, name), (unit, leading) in keys.items()
        ),
        dismissed=dismissed,
    )


def _point(runs: Sequence[RunRecord]) -> Point:
    first = runs[0]
    return Point(
        name=first.run_id,
        at_s=first.measured.started_at_s,
        commit=first.commit,
        version=first.version,
        runs=len(runs),
    )


async def dismiss(connection: Connection, run: RunRecord, of: str, name: str, why: str) -> None:
    """Say that a change of this figure from this run on is none."""
    await connection.execute(
        "INSERT INTO change_points (series, run, of_part, figure, false_positive, why) "
        "SELECT series, id, $2, $3, true, $4 FROM runs WHERE run_id = $1 "
        "ON CONFLICT (series, run, of_part, figure) DO UPDATE SET false_positive = true, why = excluded.why",
        run.run_id,
        storable(of),
        storable(name),
        storable(why),
    )


async def _dismissed(connection: Connection) -> frozenset[tuple[str, str, str]]:
    rows = await connection.fetch(
        "SELECT run_id, of_part, figure FROM change_points c JOIN runs r ON r.id = c.run WHERE false_positive"
    )
    return frozenset((row["run_id"], row["of_part"], row["figure"]) for row in rows)
