"""The tools, once, behind every door: a registry, and the checks of arguments. `pipeline` calls them.

Rules:
  - an unknown argument is refused: a misspelt one would silently do something else;
  - text that PostgreSQL cannot hold (NUL, half of a surrogate pair) is refused here, for all tools;
  - a tool that writes is also given its `execution`, to record it in the transaction of its effect.

To add a tool: write one function and add one line to TOOLS.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.reference import caller
from harness.reference.databases import Databases
from harness.reference.dialect import (
    DATABASES,
    QUERY_CHARS_MAX,
    SCHEMAS,
    RefusedError,
    known_database,
    known_schema,
    translate,
)
from harness.reference.entries import append_entry, read_entries
from harness.reference.json_object import JsonObject
from harness.reference.waiting import wait

ROWS_MAX = 10_000
WORD_MAX = 200  # characters of a name
WAIT_MAX_MS = 60_000
ENTRY_MAX = 2000
POSITION_MAX = 2**63 - 1


class BadArgumentsError(ValueError):
    """The arguments are invalid for the tool."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a tool; required unless it has a default."""

    name: str
    type: type[str] | type[int]
    about: str
    default: str | int | None = None
    values: tuple[str, ...] = ()
    at_least: int = 1
    at_most: int = WORD_MAX  # the number itself, or the characters of a text

    def schema(self) -> JsonObject:
        schema: JsonObject = {
            "type": "string" if self.type is str else "integer",
            "description": self.about,
        }
        if self.values:
            schema["enum"] = list(self.values)
        elif self.type is str:
            schema["maxLength"] = self.at_most
        else:
            schema |= {"minimum": self.at_least, "maximum": self.at_most}
        if self.default is not None:
            schema["default"] = self.default
        return schema

    def checked(self, value: Any) -> str | int:
        if type(value) is not self.type:  # not isinstance: true is no integer here
            raise BadArgumentsError(
                f"{self.name} must be {'text' if self.type is str else 'a whole number'}."
            )
        if isinstance(value, str):
            self._check_text(value)
        elif not self.at_least <= int(value) <= self.at_most:
            raise BadArgumentsError(f"{self.name} must be from {self.at_least} to {self.at_most}.")
        checked: str | int = value
        return checked

    def _check_text(self, value: str) -> None:
        if len(value) > self.at_most:
            raise BadArgumentsError(f"{self.name} is longer than {self.at_most} characters.")
        if "\0" in value or (not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value)):
            raise BadArgumentsError(f"{self.name} has a NUL or half of a surrogate pair in it.")


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: its description, its arguments, the permission that it needs, and its function."""

    about: str
    run: Callable[..., Awaitable[JsonObject]]
    arguments: tuple[Argument, ...] = ()
    permission: str = caller.READ_ONLY
    writes: bool = False

    def schema(self) -> JsonObject:
        return {
            "type": "object",
            "properties": {argument.name: argument.schema() for argument in self.arguments},
            "required": [argument.name for argument in self.arguments if argument.default is None],
            "additionalProperties": False,
        }

    def checked(self, given: Mapping[str, Any]) -> dict[str, str | int]:
        values: dict[str, str | int] = {}
        for argument in self.arguments:
            if argument.name in given:
                values[argument.name] = argument.checked(given[argument.name])
            elif argument.default is not None:
                values[argument.name] = argument.default
            else:
                raise BadArgumentsError(f"{argument.name} is missing.")
        if unknown := given.keys() - values.keys():
            known = f"the arguments are {', '.join(values)}" if values else "there are none"
            raise BadArgumentsError(f"{', '.join(sorted(unknown))} is not an argument; {known}.")
        return values


async def list_databases(databases: Databases) -> JsonObject:
    table = await databases.own.query(
        "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname = ANY($1) ORDER BY 1",
        list(DATABASES),
    )
    return {
        "databases": [{"name": name, "owner": owner} for name, owner in table.rows],
        "count": len(table.rows),
    }


async def list_views(databases: Databases, database: str, schema: str) -> JsonObject:
    database, schema = known_database(database), known_schema(schema)
    table = await databases.read[database].query(
        "SELECT upper(viewname) FROM pg_views WHERE schemaname = $1 ORDER BY 1", schema.lower()
    )
    views = [{"name": name} for (name,) in table.rows]
    return {"database": database, "schema": schema, "views": views, "count": len(views)}


async def describe_view(databases: Databases, database: str, schema: str, view: str) -> JsonObject:
    database, schema = known_database(database), known_schema(schema)
    table = await databases.read[database].query(
        "SELECT upper(column_name), data_type, is_nullable = 'YES' FROM information_schema.columns"
        " JOIN information_schema.views USING (table_catalog, table_schema, table_name)"
        " WHERE table_schema = $1 AND table_name = $2 ORDER BY ordinal_position",
        schema.lower(),
        view.lower(),
    )
    if not table.rows:
        raise RefusedError(f"There is no view {view!r} in {database}.{schema}; list_views names them.")
    columns = [{"name": name, "type": kind, "nullable": nullable} for name, kind, nullable in table.rows]
    return {"database": database, "schema": schema, "view": view.upper(), "columns": columns}


async def query_view(databases: Databases, database: str, schema: str, view: str, limit: int) -> JsonObject:
    database, schema = known_database(database), known_schema(schema)
    name = view.lower().replace('"', '""')
    sql = f'SELECT * FROM {schema.lower()}."{name}" LIMIT $1'  # noqa: S608  one of ours, and a quoted name
    table = await databases.read[database].query(sql, limit)
    return table.as_json()


async def execute_query(
    databases: Databases, query: str, database: str, schema: str, limit: int
) -> JsonObject:
    translation = translate(query)
    pool = databases.read[translation.database or known_database(database)]
    return (await pool.query(translation.sql, limit, schema=known_schema(schema).lower())).as_json()


async def get_context(databases: Databases, database: str, schema: str) -> JsonObject:
    table = await databases.read[known_database(database)].query(
        "SELECT current_database(), upper(current_schema()), current_user::text,"
        " current_setting('transaction_read_only') = 'on', pg_backend_pid()",
        schema=known_schema(schema).lower(),
    )
    names = ("database", "schema", "role", "read_only", "backend")
    who = caller.current()
    return dict(zip(names, table.rows[0], strict=True)) | {"client": who.key, "permission": who.permission}


_DATABASE = Argument("database", str, "Name of the database", values=DATABASES)
_SCHEMA = Argument("schema", str, "Name of the schema", values=SCHEMAS)
_CONTEXT = (
    Argument("database", str, "Database to run it in", default=DATABASES[0], values=DATABASES),
    Argument("schema", str, "Schema of names that have none", default=SCHEMAS[0], values=SCHEMAS),
)
_VIEW = Argument("view", str, "Name of the view")
_LIMIT = Argument("limit", int, "Largest number of rows", default=100, at_most=ROWS_MAX)
_LOG = Argument("log", str, "Any name for the log", default="main")

TOOLS = {
    "list_databases": Tool("List the databases", list_databases),
    "list_views": Tool("List the views of a schema", list_views, (_DATABASE, _SCHEMA)),
    "describe_view": Tool("Columns and types of a view", describe_view, (_DATABASE, _SCHEMA, _VIEW)),
    "query_view": Tool("Rows of a view", query_view, (_DATABASE, _SCHEMA, _VIEW, _LIMIT)),
    "execute_query": Tool(
        "Run one query that reads, in the warehouse's dialect",
        execute_query,
        (Argument("query", str, "The query: SELECT or SHOW", at_most=QUERY_CHARS_MAX), *_CONTEXT, _LIMIT),
    ),
    "get_context": Tool("Database, schema and rights of this request", get_context, _CONTEXT),
    "wait": Tool(
        "Wait, and report progress in ten steps",
        wait,
        (Argument("milliseconds", int, "How long", at_most=WAIT_MAX_MS),),
    ),
    "append_entry": Tool(
        "Append an entry to a log; the answer means that it is on disk",
        append_entry,
        (
            Argument("entry", str, "The entry; make each one different", at_most=ENTRY_MAX),
            _LOG,
            Argument("key", str, "Entries with the same key are appended only once", default=""),
        ),
        permission=caller.BASIC,
        writes=True,
    ),
    "read_entries": Tool(
        "One page of a log, oldest first",
        read_entries,
        (
            _LOG,
            Argument(
                "after",
                int,
                "Only entries after this position: `next` of the previous page",
                default=0,
                at_least=0,
                at_most=POSITION_MAX,
            ),
            _LIMIT,
        ),
    ),
}
