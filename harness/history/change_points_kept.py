"""The change points that trends have found, and those that people have dismissed as none.

A row is a figure of a run from which on it was another one. A trend writes what it finds and forgets what it no longer
finds; what somebody has marked as false stays, with the reason.
"""

from collections.abc import Sequence
from contextlib import suppress

import asyncpg
from msgspec import Struct

from harness.foundation.errors import UsageError
from harness.foundation.untrusted.documents import short
from harness.history.opening import Connection
from harness.history.record import RunRecord
from harness.history.tables import storable


class Change(Struct, frozen=True, kw_only=True):
    """A change point as it is kept."""

    run_id: str  # the first run after it
    of: str
    name: str
    before: float
    after: float


async def dismiss(connection: Connection, run: RunRecord, of: str, name: str, why: str) -> None:
    """Say that a change of this figure from this run on is none."""
    if not any((one.of, one.name) == (of, name) for one in run.figures):
        there = dict.fromkeys(f"{one.of}: {one.name}" for one in run.figures if one.leading)
        raise UsageError(
            f"{short(f'{of}: {name}', 120)} is no figure of {run.run_id}",
            f"It has {', '.join(there) or 'none'}",
            "Name one of them, as `harness trend` does",
        )
    await connection.execute(
        "INSERT INTO change_points (series, run, of_part, figure, false_positive, why) "
        "SELECT series, id, $2, $3, true, $4 FROM runs WHERE run_id = $1 "
        "ON CONFLICT (series, run, of_part, figure) DO UPDATE SET false_positive = true, why = excluded.why",
        run.run_id,
        storable(of),
        storable(name),
        storable(why),
    )


async def dismissed(connection: Connection, runs: Sequence[int]) -> list[tuple[int, str, str]]:
    """What was marked as false, of these runs: the number of the run, of and name."""
    rows = await connection.fetch(
        "SELECT run, of_part, figure FROM change_points WHERE false_positive AND run = ANY($1::bigint[])",
        runs,
    )
    return [(row["run"], row["of_part"], row["figure"]) for row in rows]


async def keep(connection: Connection, series: int, changes: Sequence[Change]) -> None:
    """Write the change points of a series, and forget those that are found no more and that nobody has marked.

    Who may only read the history sees its trends all the same.
    """
    with suppress(asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError):
        await _keep(connection, series, changes)


async def _keep(connection: Connection, series: int, changes: Sequence[Change]) -> None:
    columns = list(zip(*((one.run_id, one.of, one.name) for one in changes), strict=True)) or [(), (), ()]
    async with connection.transaction():
        await connection.execute(
            "DELETE FROM change_points c USING runs r WHERE r.id = c.run AND c.series = $1 AND NOT false_positive "
            "AND (r.run_id, of_part, figure) NOT IN (SELECT * FROM unnest($2::text[], $3::text[], $4::text[]))",
            series,
            *map(list, columns),
        )
        await connection.executemany(
            "INSERT INTO change_points (series, run, of_part, figure, before, after) "
            "SELECT $1, id, $3, $4, $5, $6 FROM runs WHERE run_id = $2 "
            "ON CONFLICT (series, run, of_part, figure) DO UPDATE SET before = excluded.before, after = excluded.after",
            [(series, one.run_id, one.of, one.name, one.before, one.after) for one in changes],
        )
