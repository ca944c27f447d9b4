"""Write runs into the history by COPY, read them, and change what people say of them.

A batch of runs goes in by one transaction: all of it, or nothing. A run that is there already stays as it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from harness.history.opening import SCHEMA, Connection
from harness.history.record import RunRecord, Series
from harness.history.tables import RUN_COLUMNS, SERIES, TABLES, run_of, run_row, values

BATCH: Final = 200
VERIFY: Final = "verify"  # the command of verifications, which are no load
TRIES: Final = 3
# What is wrong with a record, and not with the server. Some of it asyncpg notices before it sends anything.
REFUSED: Final = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    OverflowError,
    ValueError,
)
_SERIES = ", ".join(f"s.{name}" for name in SERIES)
_RUNS = ", ".join(f"r.{name}" for name in RUN_COLUMNS)
_FROM = f"SELECT r.id, {_SERIES}, {_RUNS} FROM runs r JOIN series s ON s.id = r.series"


@dataclass(frozen=True, slots=True)
class Where:
    """Which runs: each part that is not None must hold."""

    run_ids: Sequence[str] | None = None
    scenario: str | None = None
    branch: str | None = None
    tag: str | None = None
    night: str | None = None
    series: Series | None = None  # of any branch
    beginning: str | None = None  # of the run id
    fit: bool = False  # neither unknown nor excluded
    target: str | None = None
    verify: bool | None = None  # verifications alone, or all but those

    def text(self) -> tuple[str, list[Any]]:
        """The condition, and its values."""
        parts: list[str] = []
        given: list[Any] = []

        def add(condition: str, *more: Any) -> None:
            numbers = [f"${len(given) + place + 1}" for place in range(len(more))]
            given.extend(more)
            parts.append(condition.format(*numbers))

        for condition, *more in self._conditions():
            if None not in more:
                add(condition, *more)
        if self.fit:
            add("r.verdict <> 'unknown' AND r.excluded IS NULL")
        return " AND ".join(parts) or "true", given

    def _conditions(self) -> Iterator[tuple[Any, ...]]:
        """Each part with its values; one with None does not count."""
        yield "r.run_id = ANY({}::text[])", None if self.run_ids is None else list(self.run_ids)
        yield "s.scenario = {}", self.scenario
        yield "s.branch = {}", self.branch
        yield "EXISTS (SELECT FROM tags t WHERE t.run = r.id AND t.tag = {})", self.tag
        yield "r.night = {}", self.night
        yield (
            "(s.scenario_hash, s.target, s.machine) = ({}, {}, {})",
            *(self.series.alike if self.series is not None else (None,)),
        )
        yield "starts_with(r.run_id, {})", self.beginning
        yield "s.target = {}", self.target
        yield "(r.command = {}) = {}", VERIFY, self.verify


async def bring(
    connection: Connection, records: Sequence[tuple[str, RunRecord]]
) -> tuple[int, list[tuple[str, str]]]:
    """Bring runs, each with the name of where it comes from; return how many were new, and which are refused and why.

    One that PostgreSQL will not take is refused alone: the others go in.
    """
    brought, refused = 0, list[tuple[str, str]]()
    for first in range(0, len(records), BATCH):
        batch = records[first : first + BATCH]
        try:
            brought += await _push(connection, [record for _, record in batch])
        except REFUSED:
            for name, record in batch:
                try:
                    brought += await _push(connection, [record])
                except REFUSED as error:
                    refused.append((name, str(error)))
    return brought, refused


async def _push(connection: Connection, batch: Sequence[RunRecord]) -> int:
    """One transaction; begun anew when somebody else brings one of these runs at this moment."""
    for attempt in range(TRIES):
        try:
            async with connection.transaction():
                return await _copy(connection, batch)
        except asyncpg.UniqueViolationError:
            if attempt == TRIES - 1:
                raise
    return 0


async def _copy(connection: Connection, batch: Sequence[RunRecord]) -> int:
    there = await connection.fetch(
        "SELECT run_id FROM runs WHERE run_id = ANY($1::text[])", [one.run_id for one in batch]
    )
    known = {row["run_id"] for row in there}
    fresh = list({one.run_id: one for one in batch if one.run_id not in known}.values())
    if not fresh:
        return 0
    numbers = await connection.fetch(
        "SELECT nextval(pg_get_serial_sequence('runs', 'id')) AS id FROM generate_series(1, $1)", len(fresh)
    )
    series = {one: await _series(connection, one) for one in {run.series for run in fresh}}
    runs = [(row["id"], run) for row, run in zip(numbers, fresh, strict=True)]
    await _into(
        connection,
        "runs",
        ("id", "series", *RUN_COLUMNS),
        [run_row(number, series[run.series], run) for number, run in runs],
    )
    for table in TABLES:
        rows = [row for number, run in runs for row in table.rows(number, run)]
        await _into(connection, table.name, ("run", *table.columns), rows)
    tags = [(number, tag) for number, run in runs for tag in run.tags]
    await _into(connection, "tags", ("run", "tag"), tags)
    return len(fresh)


async def _into(
    connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    if rows:
        await connection.copy_records_to_table(table, records=rows, columns=columns, schema_name=SCHEMA)


async def _series(connection: Connection, wanted: Series) -> int:
    cells = values(wanted, SERIES)
    equal = " AND ".join(f"{name} = ${place}" for place, name in enumerate(SERIES, 1))
    places = ", ".join(f"${place}" for place in range(1, len(SERIES) + 1))
    number = await connection.fetchval(f"SELECT id FROM series WHERE {equal}", *cells)
    if number is None:
        await connection.execute(
            f"INSERT INTO series ({', '.join(SERIES)}) VALUES ({places}) ON CONFLICT DO NOTHING", *cells
        )
        number = await connection.fetchval(f"SELECT id FROM series WHERE {equal}", *cells)
    return int(number)


async def find(
    connection: Connection,
    where: Where,
    *,
    most: int | None = None,
    parts: bool = True,
    histograms: bool = False,
) -> list[RunRecord]:
    """The newest runs that are meant, oldest first; without `parts` only what a list shows."""
    condition, given = where.text()
    limit = "" if most is None else f"LIMIT {int(most)}"
    rows = await connection.fetch(
        f"{_FROM} WHERE {condition} ORDER BY r.started_at DESC, r.id DESC {limit}", *given
    )
    rows.reverse()
    parts_by_run = (
        await _parts(connection, [row["id"] for row in rows], histograms=histograms) if parts else {}
    )
    return [run_of(row, parts_by_run.get(row["id"], {})) for row in rows]


async def _parts(
    connection: Connection, numbers: Sequence[int], *, histograms: bool
) -> dict[int, dict[str, tuple[Any, ...]]]:
    """Return the rows that belong to each run, by the run's number."""
    lists: dict[int, dict[str, list[Any]]] = {number: {} for number in numbers}
    for table in TABLES:
        if table.name == "histograms" and not histograms:
            continue
        columns = ", ".join(f'"{name}"' for name in table.columns)
        rows = await connection.fetch(
            f"SELECT run, {columns} FROM {table.name} WHERE run = ANY($1::bigint[]) ORDER BY ctid", numbers
        )
        for row in rows:
            lists[row[0]].setdefault(table.field, []).append(table.value(tuple(row)[1:]))
    for row in await connection.fetch(
        "SELECT run, tag FROM tags WHERE run = ANY($1::bigint[]) ORDER BY tag", numbers
    ):
        lists[row["run"]].setdefault("tags", []).append(row["tag"])
    return {number: {name: tuple(found) for name, found in each.items()} for number, each in lists.items()}


async def count(connection: Connection, where: Where) -> int:
    """Return how many runs match."""
    condition, given = where.text()
    return int(
        await connection.fetchval(
            f"SELECT count(*) FROM runs r JOIN series s ON s.id = r.series WHERE {condition}", *given
        )
    )
