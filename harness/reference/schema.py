"""The schema of the service's own tables: made, brought up to date, dropped.

Rules:
  - everything the service keeps is in one schema, whose name is a setting: one statement drops it all;
  - each change is a numbered file in migrations/, applied once, in order, and never edited afterwards;
  - all that are missing are applied in one transaction under an advisory lock: several processes may start at
    once on an empty, an older or a current schema, and a migration that fails leaves the schema as it was;
  - a schema newer than this program is refused, since nobody knows what it means;
  - a schema is dropped only if it is one of ours.

To change the tables: add `migrations/NNN_name.sql` with the next number. The search_path is the schema, so
statements name tables only.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg

from harness.foundation.errors import TargetUnreachableError, UsageError
from harness.reference.connecting import START_FAILURES, UNREACHABLE, connection, reason
from harness.reference.settings import without_password

_FILES = Path(__file__).parent / "migrations"
_FILE = re.compile(r"(\d{3})_([a-z0-9_]+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from an older schema to a newer one."""

    number: int
    name: str
    sql: str


@cache
def migrations() -> tuple[Migration, ...]:
    """Return all migrations in order; their numbers go from 1 without a gap."""
    files = [(_FILE.fullmatch(path.name), path) for path in sorted(_FILES.glob("*.sql"))]
    return tuple(
        Migration(int(match[1]), match[2], path.read_text(encoding="utf-8")) for match, path in files if match
    )


async def ensure(
    database_url: str, schema: str, *, connect_timeout_s: float, known: tuple[Migration, ...] | None = None
) -> list[int]:
    """Make the schema, or bring it up to date; return the numbers of the migrations that were applied."""
    async with (
        connection(database_url, connect_timeout_s=connect_timeout_s, search_path=schema) as opened,
        opened.transaction(),
    ):
        try:
            return await _migrate(opened, schema, migrations() if known is None else known)
        except asyncpg.InsufficientPrivilegeError as error:
            raise TargetUnreachableError(
                f"The target cannot make its schema {schema}.",
                f"{without_password(database_url)}: {reason(error)}",
                "Let the database user create schemas, or give another --schema.",
            ) from error


async def _migrate(connection: Any, schema: str, known: tuple[Migration, ...]) -> list[int]:
    # Two processes may start at once, and CREATE IF NOT EXISTS alone is not safe for that.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", schema)
    await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations"
        " (number int PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    done = {row["number"] for row in await connection.fetch("SELECT number FROM migrations")}
    if newer := done - {migration.number for migration in known}:
        raise TargetUnreachableError(
            f"The schema {schema} is newer than this program.",
            f"It has migration {max(newer)}; this program knows {len(known)}.",
            "Start a newer version, or give another --schema.",
        )
    missing = [migration for migration in known if migration.number not in done]
    for migration in missing:
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO migrations (number, name) VALUES ($1, $2)", migration.number, migration.name
        )
    return [migration.number for migration in missing]


async def contents(database_url: str, schema: str, *, connect_timeout_s: float) -> dict[str, int]:
    """Return tables and row counts that dropping the schema would lose; UsageError if it is not ours."""
    async with _reached(database_url, connect_timeout_s) as opened:
        return await _contents(opened, schema)


async def drop(database_url: str, schema: str, *, connect_timeout_s: float) -> None:
    """Drop the schema with everything in it; raise UsageError if it is not one of ours."""
    async with _reached(database_url, connect_timeout_s) as opened, opened.transaction():
        await _contents(opened, schema)
        await opened.execute(f'DROP SCHEMA "{schema}" CASCADE')


async def _contents(opened: Any, schema: str) -> dict[str, int]:
    names = [
        row["tablename"]
        for row in await opened.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1", schema
        )
    ]
    if "migrations" not in names:
        raise UsageError(
            f"The schema {schema} is not dropped.",
            "It has no table of migrations, so the target did not make it." if names else "It is not there.",
            "Give the --schema that the target had, and the --database-url of its server.",
        )
    return {name: await opened.fetchval(f'SELECT count(*) FROM "{schema}"."{name}"') for name in names}  # noqa: S608


@asynccontextmanager
async def _reached(database_url: str, connect_timeout_s: float) -> AsyncIterator[Any]:
    try:
        async with connection(database_url, connect_timeout_s=connect_timeout_s) as opened:
            yield opened
    except (*START_FAILURES, OverflowError) as error:  # a port beyond all ports overflows
        absent = isinstance(error, UNREACHABLE) and not isinstance(error, ValueError)
        raise (TargetUnreachableError if absent else UsageError)(
            "The schema was not dropped.",
            f"{without_password(database_url)}: {reason(error)}",
            "Check that PostgreSQL is up, and that its user owns the schema.",
        ) from error
