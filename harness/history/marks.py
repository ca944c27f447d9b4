"""Marks on runs in the history: tags, exclusions and baselines; and which runs are pruned.

An exclusion has a reason, and stays in the notes of its run, also when it is taken back.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from harness.foundation.errors import UsageError
from harness.foundation.untrusted.documents import short
from harness.history import store
from harness.history.opening import Connection
from harness.history.record import RunRecord, Series
from harness.history.store import Where
from harness.history.tables import storable

NIGHTS: Final = 5  # good nights that are the baseline, where nobody set one
NAMED_MOST: Final = 5


class Note(Struct, frozen=True):
    """A note on a run, and when it was made (ISO 8601)."""

    at: str
    note: str


async def one(connection: Connection, text: str, *, histograms: bool = False) -> RunRecord:
    """The run that a text names: its id, the beginning of it, or its directory."""
    name = _name(text)
    records = await store.find(
        connection, Where(beginning=storable(name)), most=NAMED_MOST, histograms=histograms
    )
    exact = [run for run in records if run.run_id == name]
    if len(exact or records) == 1:
        return (exact or records)[0]
    if not records or not name:
        raise UsageError(
            f"There is no run {short(text, 120)!r} in the history",
            "It is neither the id of a run, nor the beginning of one, nor the directory of one",
            "`harness history list` shows what is there; `harness history push DIR` adds a run",
        )
    raise UsageError(
        f"{short(text, 120)!r} is the beginning of more than one run id",
        ", ".join(run.run_id for run in records),
        "Give more of it",
    )


def _name(text: str) -> str:
    """The id in a text: its last part, where it is a directory (`latest` is a link to one)."""
    try:
        return Path(text).resolve().name if "/" in text else text
    except (OSError, ValueError, RuntimeError):  # a name that is too long, links in a circle
        return text


async def tag(connection: Connection, run: RunRecord, name: str) -> None:
    """Give a run a tag; twice is once."""
    await connection.execute(
        "INSERT INTO tags (run, tag) SELECT id, $2 FROM runs WHERE run_id = $1 ON CONFLICT DO NOTHING",
        run.run_id,
        storable(name),
    )


async def untag(connection: Connection, run: RunRecord, name: str) -> None:
    """Take a tag off a run."""
    await connection.execute(
        "DELETE FROM tags USING runs WHERE runs.id = tags.run AND run_id = $1 AND tag = $2",
        run.run_id,
        storable(name),
    )


async def exclude(connection: Connection, run: RunRecord, why: str | None) -> None:
    """Take a run out of comparisons, with the reason; None takes that back."""
    note = "no longer excluded" if why is None else f"excluded: {why}"
    async with connection.transaction():
        await connection.execute(
            "UPDATE runs SET excluded = $2 WHERE run_id = $1", run.run_id, why and storable(why)
        )
        await connection.execute(
            "INSERT INTO notes (run, note) SELECT id, $2 FROM runs WHERE run_id = $1",
            run.run_id,
            storable(note),
        )


async def notes(connection: Connection, run: RunRecord) -> list[Note]:
    """Return the notes on a run, oldest first."""
    rows = await connection.fetch(
        "SELECT at, note FROM notes JOIN runs ON runs.id = notes.run WHERE run_id = $1 ORDER BY notes.id",
        run.run_id,
    )
    return [Note(row["at"].isoformat(), row["note"]) for row in rows]


async def set_baseline(connection: Connection, runs: Sequence[RunRecord]) -> None:
    """Make these runs, which are of one kind, the baseline of that kind."""
    alike = runs[0].series.alike
    async with connection.transaction():
        await connection.execute(
            "DELETE FROM baselines WHERE (scenario_hash, target, machine) = ($1, $2, $3)", *alike
        )
        await connection.execute(
            "INSERT INTO baselines (scenario_hash, target, machine, run) "
            "SELECT $1, $2, $3, id FROM runs WHERE run_id = ANY($4::text[])",
            *alike,
            [run.run_id for run in runs],
        )


async def clear_baseline(connection: Connection, series: Series) -> None:
    """Let the last good nights be the baseline again."""
    await connection.execute(
        "DELETE FROM baselines WHERE (scenario_hash, target, machine) = ($1, $2, $3)", *series.alike
    )


async def baseline(
    connection: Connection, series: Series, *, without: Sequence[str] = (), nights: int = NIGHTS
) -> list[RunRecord]:
    """The runs that `baseline` means for this kind of runs: those that were set, else those of the last good nights."""
    rows = await connection.fetch(
        "SELECT run_id FROM baselines b JOIN runs r ON r.id = b.run "
        "WHERE (scenario_hash, target, machine) = ($1, $2, $3)",
        *series.alike,
    )
    chosen = [row["run_id"] for row in rows] or await _good_nights(connection, series, without, nights)
    records = await store.find(connection, Where(run_ids=chosen))
    return [run for run in records if run.run_id not in without]


async def _good_nights(
    connection: Connection, series: Series, without: Sequence[str], nights: int
) -> list[str]:
    """Return the nights that ended without a regression, of the same branch if it has any."""
    for branch in (series.branch, None):
        rows = await connection.fetch(
            "WITH good AS (SELECT r.night, max(r.started_at) AS at FROM runs r JOIN series s ON s.id = r.series "
            "JOIN tags t ON t.run = r.id AND t.tag = 'good-night' "
            "WHERE (s.scenario_hash, s.target, s.machine) = ($1, $2, $3) AND ($4::text IS NULL OR s.branch = $4) "
            "AND r.night <> '' AND r.verdict <> 'unknown' AND r.excluded IS NULL AND r.run_id <> ALL($5::text[]) "
            "GROUP BY r.night ORDER BY at DESC LIMIT $6) "
            "SELECT r.run_id FROM runs r JOIN good USING (night) JOIN series s ON s.id = r.series "
            "WHERE (s.scenario_hash, s.target, s.machine) = ($1, $2, $3) "
            "AND r.verdict <> 'unknown' AND r.excluded IS NULL",
            *series.alike,
            branch,
            list(without),
            nights,
        )
        if rows:
            return [row["run_id"] for row in rows]
    return []


async def kinds(connection: Connection) -> list[Series]:
    """Every kind of load runs that there is, by the name of its newest scenario and without a branch."""
    rows = await connection.fetch(
        "SELECT DISTINCT ON (scenario_hash, target, machine) scenario, scenario_hash, target, machine "
        "FROM series s WHERE NOT EXISTS (SELECT FROM runs r WHERE r.series = s.id AND r.command = $1) "
        "ORDER BY scenario_hash, target, machine, id DESC",
        store.VERIFY,
    )
    return sorted((Series(**dict(row)) for row in rows), key=lambda one: one.scenario)


async def old(connection: Connection, keep: int | None, before: datetime | None) -> list[str]:
    """The runs that `prune` lets go: older than a time, or beyond the newest of each series; never one that has a tag
    (but that of a good night) or is part of a baseline."""
    rows = await connection.fetch(
        "WITH ranked AS (SELECT id, run_id, started_at, row_number() OVER "
        "(PARTITION BY series ORDER BY started_at DESC, id DESC) AS place FROM runs) "
        "SELECT run_id FROM ranked r WHERE ($1::int IS NULL OR place > $1) "
        "AND ($2::timestamptz IS NULL OR started_at < $2) "
        "AND NOT EXISTS (SELECT FROM tags t WHERE t.run = r.id AND t.tag <> 'good-night') "
        "AND NOT EXISTS (SELECT FROM baselines b WHERE b.run = r.id) ORDER BY started_at",
        keep,
        before,
    )
    return [row["run_id"] for row in rows]


async def remove(connection: Connection, run_ids: Sequence[str]) -> None:
    """Remove runs with all that belongs to them, and series that have none left."""
    async with connection.transaction():
        await connection.execute("DELETE FROM runs WHERE run_id = ANY($1::text[])", list(run_ids))
        await connection.execute(
            "DELETE FROM series s WHERE NOT EXISTS (SELECT FROM runs r WHERE r.series = s.id)"
        )
