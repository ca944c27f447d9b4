"""Learns the sections `database` and `queue` of verify.yaml from a good deployment. Addresses stay in the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.foundation.errors import UsageError
from harness.foundation.secrets import sources
from harness.foundation.untrusted.documents import short
from harness.verify.backends.database import Database, quoted
from harness.verify.backends.queue import Queue
from harness.verify.backends.structure import FoundTable, structure
from harness.verify.spec import backends
from harness.verify.spec.model import Spec
from harness.verify.target import Target

APPLIED_MOST: Final = 1_000
# Where tools note which migrations they have applied.
NOTED: Final[Mapping[str, str]] = {
    "schema_migrations": "version",
    "alembic_version": "version_num",
    "django_migrations": "name",
    "flyway_schema_history": "version",
    "goose_db_version": "version_id",
    "_prisma_migrations": "migration_name",
    "knex_migrations": "name",
    "__diesel_schema_migrations": "version",
    "__EFMigrationsHistory": "MigrationId",
    "_sqlx_migrations": "version",
    "migrations": "number",
}


@dataclass(frozen=True, slots=True)
class Named:
    """The variables of the environment in which the addresses are, and what there is to look at."""

    database: str = ""
    schema: str = "public"
    queue: str = ""
    queue_name: str = ""


def named(database: str, queue: str) -> Named:
    """Parse `VARIABLE` or `VARIABLE:SCHEMA`, and `VARIABLE:NAME`."""
    variable, _, schema = database.partition(":")
    queue_variable, _, queue_name = queue.partition(":")
    if queue and not queue_name:
        raise UsageError(
            f"--queue {short(queue)} names no queue",
            "It is the variable that holds its address, and its name",
            "For example --queue AMQP_URL:shop.tasks",
        )
    return Named(variable, schema or "public", queue_variable, queue_name)


def spec_of(asked: Named, environ: Mapping[str, str]) -> Spec:
    """Where to look, so that it can be vetted."""
    database, queue = _address(asked.database, environ), _address(asked.queue, environ)
    key = "management" if queue.startswith(("http://", "https://")) else "url"
    return Spec(
        database=backends.Database(dsn=database, schema=asked.schema) if database else None,
        queue=backends.Queue(name=asked.queue_name, **{key: queue}) if queue else None,  # type: ignore[arg-type]
    )


def learnt(target: Target, asked: Named) -> dict[str, object]:
    """The sections."""
    sections: dict[str, object] = {}
    if target.spec.database is not None:
        database = Database(target.spec.database, target.run)
        try:
            sections["database"] = _database(database, asked)
        finally:
            database.close()
    if target.spec.queue is not None:
        sections["queue"] = _queue(Queue(target.spec.queue, target.run), asked)
    return sections


def _database(database: Database, asked: Named) -> dict[str, object]:
    tables = structure(database.fetch, asked.schema)
    if not tables:
        raise UsageError(
            f"There is no table in the schema {short(asked.schema)}",
            f"It is that of {database.shown}",
            f"Name another one: --database {asked.database}:SCHEMA",
        )
    section: dict[str, object] = {
        "dsn": f"${{{asked.database}}}",
        "schema": asked.schema,
        "tables": {name: _table(table) for name, table in tables.items()},
    }
    noted = next(((name, column) for name, column in NOTED.items() if column in _columns(tables, name)), None)
    if noted is not None:
        table, column = noted
        sql = f"SELECT {quoted(column)}::text FROM {database.table(table)} ORDER BY {quoted(column)} LIMIT {APPLIED_MOST}"  # noqa: S608 - quoted
        applied = [str(version) for (version,) in database.fetch(sql) if version is not None]
        section["migrations"] = {"table": table, "column": column, "applied": applied}
    return section


def _table(table: FoundTable) -> dict[str, object]:
    keys: dict[str, object] = {
        "columns": {name: types[-1] for name, types in table.columns.items()},
        "indexes": [name for name, valid in table.indexes.items() if valid],
        "unlogged": not table.logged,
    }
    return {key: value for key, value in keys.items() if value}


def _columns(tables: Mapping[str, FoundTable], name: str) -> Mapping[str, Any]:
    return tables[name].columns if name in tables else {}


def _queue(queue: Queue, asked: Named) -> dict[str, object]:
    state = queue.look()
    if not state.there:
        raise UsageError(
            f"There is no queue {short(asked.queue_name)}",
            f"The variable {asked.queue} names where it was looked for",
            "Name one that is there: --queue VARIABLE:NAME",
        )
    key = "management" if queue.spec.management else "url"
    section: dict[str, object] = {
        key: f"${{{asked.queue}}}",
        "name": asked.queue_name,
        "consumers": min(1, state.consumers),
    }
    return section | ({"durable": state.durable} if state.durable is not None else {})


def _address(variable: str, environ: Mapping[str, str]) -> str:
    if not variable:
        return ""
    if not environ.get(variable):
        raise UsageError(
            f"The environment variable {short(variable)} is not set",
            "--database and --queue name variables, so that no password is written down",
            f"export {short(variable)}=...",
        )
    sources.reference(variable, environ[variable])
    sources.url(environ[variable])
    return environ[variable]
