"""The tools, once, behind every door: a registry, the checks of arguments, and calling one.

Rules:
  - a call ends in an Outcome; what goes wrong inside a tool is an Outcome too (`is_error`), never a traceback;
  - an unknown tool and bad arguments are exceptions, because each door says them in its own way;
  - an unknown argument is refused: a misspelt one would silently do something else.

To add a tool: write one function and add one line to TOOLS.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec

from harness.target.databases import UNREACHABLE, BusyError, Databases, reason
from harness.target.dialect import DATABASES, SCHEMAS, RefusedError, known_database, known_schema, translate

ROWS_MAX = 10_000

log = logging.getLogger(__name__)


class UnknownToolError(LookupError):
    """There is no such tool."""


class BadArgumentsError(ValueError):
    """The arguments do not fit the tool."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a tool; required unless it has a default."""

    name: str
    type: type[str] | type[int]
    about: str
    default: str | int | None = None
    values: tuple[str, ...] = ()
    at_most: int | None = None

    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {
            "type": "string" if self.type is str else "integer",
            "description": self.about,
        }
        if self.values:
            schema["enum"] = list(self.values)
        if self.at_most is not None:
            schema |= {"minimum": 1, "maximum": self.at_most}
        if self.default is not None:
            schema["default"] = self.default
        return schema

    def checked(self, value: Any) -> str | int:
        if type(value) is not self.type:  # not isinstance: true is no integer here
            raise BadArgumentsError(
                f"{self.name} must be {'text' if self.type is str else 'a whole number'}."
            )
        if self.at_most is not None and not 1 <= int(value) <= self.at_most:
            raise BadArgumentsError(f"{self.name} must be from 1 to {self.at_most}.")
        checked: str | int = value
        return checked


@dataclass(frozen=True, slots=True)
class Tool:
    """What a tool is called, what it takes, and the function that does it."""

    about: str
    run: Callable[..., Awaitable[dict[str, Any]]]
    arguments: tuple[Argument, ...] = ()

    def schema(self) -> dict[str, Any]:
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended: the result as a value and as JSON text, or what went wrong."""

    text: str
    value: dict[str, Any] | None = None

    @property
    def is_error(self) -> bool:
        return self.value is None


async def list_databases(databases: Databases) -> dict[str, Any]:
    table = await databases.own.query(
        "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname = ANY($1) ORDER BY 1",
        list(DATABASES),
    )
    return {
        "databases": [{"name": name, "owner": owner} for name, owner in table.rows],
        "count": len(table.rows),
    }


async def list_views(databases: Databases, database: str, schema: str) -> dict[str, Any]:
    database, schema = known_database(database), known_schema(schema)
    table = await databases.read[database].query(
        "SELECT upper(viewname) FROM pg_views WHERE schemaname = $1 ORDER BY 1", schema.lower()
    )
    views = [{"name": name} for (name,) in table.rows]
    return {"database": database, "schema": schema, "views": views, "count": len(views)}


async def describe_view(databases: Databases, database: str, schema: str, view: str) -> dict[str, Any]:
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


async def query_view(
    databases: Databases, database: str, schema: str, view: str, limit: int
) -> dict[str, Any]:
    database, schema = known_database(database), known_schema(schema)
    name = view.lower().replace('"', '""')
    sql = f'SELECT * FROM {schema.lower()}."{name}" LIMIT $1'  # noqa: S608  one of ours, and a quoted name
    table = await databases.read[database].query(sql, limit)
    return table.as_json()


async def execute_query(databases: Databases, query: str, database: str, limit: int) -> dict[str, Any]:
    translation = translate(query)
    pool = databases.read[translation.database or known_database(database)]
    return (await pool.query(translation.sql, limit)).as_json()


_DATABASE = Argument("database", str, "Name of the database", values=DATABASES)
_SCHEMA = Argument("schema", str, "Name of the schema", values=SCHEMAS)
_VIEW = Argument("view", str, "Name of the view")
_LIMIT = Argument("limit", int, "Rows at most", default=100, at_most=ROWS_MAX)

TOOLS = {
    "list_databases": Tool("List the databases", list_databases),
    "list_views": Tool("List the views of a schema", list_views, (_DATABASE, _SCHEMA)),
    "describe_view": Tool("Columns and types of a view", describe_view, (_DATABASE, _SCHEMA, _VIEW)),
    "query_view": Tool("Rows of a view", query_view, (_DATABASE, _SCHEMA, _VIEW, _LIMIT)),
    "execute_query": Tool(
        "Run one query that reads, in the warehouse's dialect",
        execute_query,
        (
            Argument("query", str, "The query: SELECT or SHOW"),
            Argument("database", str, "Where to run it", default=DATABASES[0], values=DATABASES),
            _LIMIT,
        ),
    ),
}

_json = msgspec.json.Encoder()


async def call(databases: Databases, name: str, arguments: Mapping[str, Any]) -> Outcome:
    """Run one tool to its outcome."""
    tool = TOOLS.get(name)
    if tool is None:
        raise UnknownToolError(f"Unknown tool: {name}")
    try:
        value = await tool.run(databases, **tool.checked(arguments))
    except RefusedError as error:
        return Outcome(str(error))
    except BusyError as error:
        return Outcome(f"The service is busy: {error}.")
    except UNREACHABLE as error:
        return Outcome(f"The database does not answer: {reason(error)}")
    except asyncpg.PostgresError as error:
        return Outcome(f"The database refused: {error}")
    return Outcome(_json.encode(value).decode(), value)
