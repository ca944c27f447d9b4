"""The series of the history over time: what a trend is about.

A point is a night, or a run that belongs to none: runs that were made together say one thing together, their median. Runs
that are unknown or excluded are no part of a point. Only what a trend shows is read: leading figures, faults and objectives.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any, Final

from msgspec import Struct

from harness.foundation.errors import UsageError
from harness.foundation.untrusted.documents import short
from harness.history import change_points_kept
from harness.history.opening import Connection
from harness.history.record import Series
from harness.history.store import Where
from harness.history.tables import SERIES, storable
from harness.run_directory.results.summary import Outcome

RUNS_MOST: Final = 2_000  # of a scenario
POINTS_MOST: Final = 200  # of a series: the newest
WORST: Final[tuple[Outcome, ...]] = ("fail", "unknown", "pass")
_COLUMNS = ", ".join(f"s.{name}" for name in SERIES)
_RUNS = (
    f"SELECT r.id, r.series, {_COLUMNS}, r.run_id, r.started_at, r.commit, r.version, r.night, r.protocol "
    "FROM runs r JOIN series s ON s.id = r.series"
)
_FIGURES = (
    'SELECT run, of, name, unit, value FROM figures WHERE run = ANY($1::bigint[]) AND "leading" ORDER BY ctid'
)
_OUTCOMES = (
    "SELECT run, 'objective' AS kind, objective AS name, observed, outcome FROM objectives WHERE run = ANY($1::bigint[]) "
    "UNION ALL "
    "SELECT run, 'recovery', name, recover_s, CASE WHEN NOT verified THEN 'unknown' WHEN recover_s IS NULL THEN 'fail' "
    "ELSE 'pass' END FROM faults WHERE run = ANY($1::bigint[])"
)


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
    values: tuple[float | None, ...]


class Held(Struct, frozen=True):
    """What became of an objective, or of a recovery, in one point: the worst of its runs, and their median."""

    outcome: Outcome
    observed: float | None


class Outcomes(Struct, frozen=True, kw_only=True):
    """One objective, or the recovery from one fault (in seconds), over time."""

    kind: str  # objective, recovery
    name: str
    held: tuple[Held | None, ...]


class OverTime(Struct, frozen=True, kw_only=True):
    """One series: its points, oldest first, and every leading figure at each."""

    series: Series
    protocol: str
    points: tuple[Point, ...]
    lines: tuple[Line, ...]
    outcomes: tuple[Outcomes, ...] = ()
    dismissed: frozenset[tuple[str, str, str]] = frozenset()  # point, of and name of what is no change
    number: int = 0  # of the series in the history


async def read(
    connection: Connection, scenario: str | None, branch: str | None = None, most: int = RUNS_MOST
) -> list[OverTime]:
    """Every series of a scenario (None: of the scenario that ran last), the one with the newest run first."""
    if scenario is None:
        condition, given = Where(fit=True, verify=False).text()
        newest = await connection.fetchrow(
            f"{_RUNS} WHERE {condition} ORDER BY r.started_at DESC LIMIT 1", *given
        )
        if newest is None:
            return []
        scenario = str(newest["scenario"])
    condition, given = Where(
        scenario=storable(scenario), branch=None if branch is None else storable(branch), fit=True
    ).text()
    runs = await connection.fetch(
        f"{_RUNS} WHERE {condition} ORDER BY r.started_at DESC, r.id DESC LIMIT {int(most)}", *given
    )
    if not runs:
        raise UsageError(
            f"There is no run of {short(scenario, 120)} in the history that counts",
            "No run has that name and branch, or all of them are unknown or excluded",
            "`harness history list` shows the scenarios",
        )
    kinds: dict[tuple[int, str], list[Any]] = defaultdict(list)
    for run in runs:
        kinds[run["series"], run["protocol"]].append(run)
    return [await _over_time(connection, list(reversed(found))) for found in kinds.values()]


async def _over_time(connection: Connection, runs: Sequence[Any]) -> OverTime:
    groups: dict[str, list[Any]] = defaultdict(list)
    for run in runs:
        groups[run["night"] or run["run_id"]].append(run)
    nights = list(groups.values())[-POINTS_MOST:]
    at = {run["id"]: number for number, night in enumerate(nights) for run in night}
    figures = await connection.fetch(_FIGURES, list(at))
    outcomes = await connection.fetch(_OUTCOMES, list(at))
    marks = await change_points_kept.dismissed(connection, list(at))
    first = runs[0]
    return OverTime(
        series=Series(**{name: first[name] for name in SERIES}),
        protocol=first["protocol"],
        points=tuple(map(_point, nights)),
        lines=tuple(_lines(figures, at, len(nights))),
        outcomes=tuple(_outcomes(outcomes, at, len(nights))),
        dismissed=frozenset((nights[at[run]][0]["run_id"], of, name) for run, of, name in marks),
        number=first["series"],
    )


def _point(runs: Sequence[Any]) -> Point:
    first = runs[0]
    return Point(
        name=first["run_id"],
        at_s=first["started_at"].timestamp(),
        commit=first["commit"],
        version=first["version"],
        runs=len(runs),
    )


def _lines(rows: Sequence[Any], at: Mapping[int, int], count: int) -> Iterator[Line]:
    seen: dict[tuple[str, str, str], list[list[float]]] = {}
    for run, of, name, unit, value in rows:
        seen.setdefault((of, name, unit), [[] for _ in range(count)])[at[run]].append(value)
    for (of, name, unit), each in seen.items():
        yield Line(of=of, name=name, unit=unit, values=tuple(median(one) if one else None for one in each))


def _outcomes(rows: Sequence[Any], at: Mapping[int, int], count: int) -> Iterator[Outcomes]:
    seen: dict[tuple[str, str], list[list[Any]]] = {}
    for row in rows:
        seen.setdefault((row["kind"], row["name"]), [[] for _ in range(count)])[at[row["run"]]].append(row)
    for (kind, name), each in sorted(seen.items()):
        yield Outcomes(kind=kind, name=name, held=tuple(_held(one) for one in each))


def _held(rows: Sequence[Any]) -> Held | None:
    if not rows:
        return None
    outcomes = {row["outcome"] for row in rows}
    observed = [row["observed"] for row in rows if row["observed"] is not None]
    return Held(
        next((word for word in WORST if word in outcomes), "unknown"), median(observed) if observed else None
    )
