"""Is its database as it should be? PostgreSQL is asked itself; nothing of the deployment's code is imported."""

from functools import partial

import pytest

from harness.verify.backends.database import Database
from harness.verify.backends.structure import (
    MEANT,
    FoundTable,
    missing_tables,
    shown,
    structure,
    volatile,
    wrong_columns,
    wrong_indexes,
)
from harness.verify.finding import fail, skip, undecided
from harness.verify.target import Target
from harness.verify.writing import Writing

pytestmark = pytest.mark.data
HOW = "verify.yaml: database {tables: {NAME: {columns: {id: text}, indexes: [NAME]}}}; --learn writes them"
SHOWN_MOST = 10


def test_its_database_answers(database: Database) -> None:
    """With the credentials of verify.yaml."""
    database.value("SELECT 1")


def test_its_tables_are_there(database: Database) -> None:
    """Those that verify.yaml names, in its schema."""
    _named(database)
    _all_well(missing_tables(database.spec.tables, _found(database)))


def test_their_columns_are_there(database: Database) -> None:
    """And of the type that is expected, by whatever name PostgreSQL knows it."""
    _named(database)
    if not any(table.columns for table in database.spec.tables.values()):
        skip("verify.yaml names no columns", HOW)
    tables = _found(database)
    hidden = [
        name
        for name, table in database.spec.tables.items()
        if table.columns and name in tables and not tables[name].columns
    ]
    if hidden:
        undecided(f"the database user may not see the columns of {shown(hidden[0])}: grant it SELECT")
    _all_well(list(wrong_columns(database.spec.tables, tables, partial(_meant, database))))


def test_their_indexes_are_there(database: Database) -> None:
    """And usable: one whose making was broken off is not."""
    _named(database)
    if not any(table.indexes for table in database.spec.tables.values()):
        skip("verify.yaml names no indexes", HOW)
    _all_well(list(wrong_indexes(database.spec.tables, _found(database))))


def test_its_tables_survive_a_crash_of_their_server(database: Database) -> None:
    """What is UNLOGGED is empty after one."""
    _named(database)
    _all_well(volatile(database.spec.tables, _found(database)))


def test_its_migrations_are_applied(database: Database) -> None:
    """As the table says that notes them."""
    migrations = database.spec.migrations
    if migrations is None or not migrations.applied:
        skip(
            "verify.yaml does not say which migrations should be applied",
            "verify.yaml: database {migrations: {table, column, applied: [VERSION]}}; --learn writes them",
        )
    table = _found(database).get(migrations.table)
    if table is None:
        fail(f"there is no table {shown(migrations.table)} of migrations")
    if table.columns and migrations.column not in table.columns:
        fail(f"{shown(migrations.table)} has no column {shown(migrations.column)}")
    column = '"' + migrations.column.replace('"', '""') + '"'
    rows = database.fetch(f"SELECT {column}::text FROM {database.table(migrations.table)}")  # noqa: S608 - quoted
    applied = {row[0] for row in rows}
    _all_well(
        [f"migration {shown(each)} is not applied" for each in migrations.applied if each not in applied]
    )


def test_what_is_acknowledged_is_in_the_database(
    target: Target, database: Database, writing: Writing
) -> None:
    """At once, as another connection sees it: what is committed later is lost with the process that would have done it."""
    written = database.spec.written
    if written is None:
        skip(
            "verify.yaml does not say which column holds a write",
            "verify.yaml: database {written: {table, column}}",
        )
    door = target.with_sessions()
    with target.client(door.name if door else None) as client:
        name = writing.write(client)
    column = '"' + written.column.replace('"', '""') + '"'
    count = database.value(
        f"SELECT count(*) FROM {database.table(written.table)} WHERE position($1 in {column}::text) > 0",  # noqa: S608 - quoted
        name,
    )
    if not count:
        fail(f"{name} was acknowledged, but {shown(written.table)}.{shown(written.column)} does not hold it")


def _named(database: Database) -> None:
    if not database.spec.tables:
        skip("verify.yaml names no tables", HOW)


def _found(database: Database) -> dict[str, FoundTable]:
    return structure(database.fetch, database.spec.schema)


def _meant(database: Database, kind: str) -> str | None:
    meant = database.value(MEANT, kind)
    return None if meant is None or meant == "-" else str(meant)


def _all_well(wrong: list[str]) -> None:
    more = len(wrong) - SHOWN_MOST
    if wrong:
        fail("\n".join(wrong[:SHOWN_MOST] + ([f"and {more} more"] if more > 0 else [])))
