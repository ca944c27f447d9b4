"""append_entry and read_entries: a write that can be checked for losses and duplicates afterwards.

The caller gives each entry a unique name (a number, a UUID) and, if calls may be repeated, a key. An
answer means that the entry is on disk. So after any fault, reading the log through tells exactly which
acknowledged entries are missing (none should be) and which are there twice (none of those with a key).

The entry and the row of its execution are written by one statement: one transaction, one round trip.
"""

from harness.reference.databases import Databases
from harness.reference.executions import OK, Execution
from harness.reference.json_object import JsonObject

# The own connections do not wait for the disk, but this transaction does.
_APPEND = """WITH appended AS (
    INSERT INTO entries (log, entry, key, client, execution)
    SELECT $11, $12, $13, $3, $1 FROM set_config('synchronous_commit', 'on', true)
    ON CONFLICT (log, key) DO NOTHING RETURNING position),
  recorded AS (
    INSERT INTO executions (id, door, client, session, tool, database, started_at, duration_us, outcome, error)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10))
  SELECT position FROM appended"""
_FIRST = "SELECT position, entry FROM entries WHERE log = $1 AND key = $2"
_PAGE = """SELECT position, entry, key, added_at FROM entries
  WHERE log = $1 AND position > $2 ORDER BY position LIMIT $3"""


async def append_entry(
    databases: Databases, execution: Execution, entry: str, log: str, key: str
) -> JsonObject:
    async with databases.own.connection() as connection:
        position = await connection.fetchval(_APPEND, *execution.row(OK), log, entry, key or None)
        if position is not None:
            return {"log": log, "position": position, "entry": entry, "repeated": False}
        first = await connection.fetchrow(_FIRST, log, key)  # in a new statement, to see the earlier one
    return {"log": log, "position": first["position"], "entry": first["entry"], "repeated": True}


async def read_entries(databases: Databases, log: str, after: int, limit: int) -> JsonObject:
    """Return one page, in the order of positions; `next` is where to go on, null at the end."""
    table = await databases.own.query(_PAGE, log, after, limit)
    entries = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return {
        "log": log,
        "entries": entries,
        "count": len(entries),
        "next": entries[-1]["position"] if len(entries) == limit else None,
    }
