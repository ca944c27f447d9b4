"""Translates the warehouse's dialect (Snowflake's) to PostgreSQL, and checks that a query only reads.

Rules:
  - one statement, and it is a query (SELECT, set operations, VALUES) or SHOW DATABASES/SCHEMAS/TABLES/VIEWS;
  - nothing in its syntax tree writes, locks, selects into a table or takes parameters;
  - of PostgreSQL's administrative functions (`pg_…`, large objects, settings) only harmless ones are called;
  - a name of three parts chooses the database, and all of them must choose the same one;
  - `$1` of the translated text is the row limit, whatever limit the query has of its own.

Pure and cached: the same texts come again and again. The second line of defence is not here: the connections
that run the result are read-only for PostgreSQL itself (`databases`).
"""

import logging
import re
from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

# The caller is told what sqlglot cannot translate; its log would be noise at every call.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

DATABASES = ("TEST_DB", "ANALYTICS_DB", "STAGING_DB")
SCHEMAS = ("PUBLIC", "STAGING", "REPORTING")
CACHED_QUERIES = 1024
QUERY_CHARS_MAX = 20_000

_REFUSED = (
    exp.DML,
    exp.DDL,
    exp.Drop,
    exp.Alter,
    exp.Command,
    exp.Into,
    exp.Lock,
    exp.Set,
    exp.Use,
    exp.Transaction,
    exp.Commit,
    exp.Rollback,
    exp.TruncateTable,
    exp.NextValueFor,
)
# sqlglot means to raise only the first of these; on broken texts the others come out of its depths too.
_NOT_UNDERSTOOD = (SqlglotError, ValueError, LookupError, TypeError, AttributeError)
_PARAMETERS = (exp.Parameter, exp.Placeholder, exp.SessionParameter)
_SYSTEM_PREFIXES = ("pg_", "lo_", "dblink", "binary_upgrade_")
_RUNS_TEXT = re.compile(
    r"(query|cursor|table|schema|database)_to_xml.*|ts_stat|ts_rewrite"
)  # a query within a query
_SYSTEM_REFUSED = {
    "set_config",
    "nextval",
    "setval",
    "currval",
    "lastval",
    "lowrite",
    "loread",
    "txid_current",
}
_SYSTEM_ALLOWED = {"pg_sleep", "pg_typeof", "pg_size_pretty", "pg_backend_pid", "pg_postmaster_start_time"}


class RefusedError(ValueError):
    """The text will not be run; the message is for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Translation:
    """A query for PostgreSQL, and the database that it names, if any."""

    sql: str
    database: str | None = None


@lru_cache(maxsize=CACHED_QUERIES)
def translate(query: str) -> Translation:
    """Return the query for PostgreSQL, or raise RefusedError."""
    if len(query) > QUERY_CHARS_MAX:
        raise RefusedError(f"The query is longer than {QUERY_CHARS_MAX} characters.")
    try:
        return _translation(query)
    except RefusedError:
        raise
    except RecursionError as error:
        raise RefusedError("The query is nested too deeply.") from error
    except _NOT_UNDERSTOOD as error:
        raise RefusedError(f"The query cannot be parsed: {_first_line(error)}") from error


def _translation(query: str) -> Translation:
    trees = [tree for tree in sqlglot.parse(query, read="snowflake") if tree is not None]
    if not trees:
        raise RefusedError("The query is empty.")
    if len(trees) > 1:
        raise RefusedError(f"Only one statement is run at a time; there are {len(trees)}.")
    tree = trees[0]
    if isinstance(tree, exp.Show):
        return _show(tree)
    _check_reads_only(tree)
    database = _strip_database(tree)
    return Translation(_limited(tree).sql("postgres"), database)


def _check_reads_only(tree: exp.Expression) -> None:
    if not isinstance(tree, exp.Query) and not isinstance(tree, exp.Values):
        raise RefusedError(f"Only queries that read are run; this is {_kind(tree)}.")
    if isinstance(tree, exp.Select) and not tree.expressions:
        raise RefusedError("The query selects nothing.")
    for node in tree.walk():
        if isinstance(node, _REFUSED):
            raise RefusedError(f"Only queries that read are run; this one contains {_kind(node)}.")
        if isinstance(node, _PARAMETERS):
            raise RefusedError("Parameters in the query are not supported; write the values.")
        if isinstance(node, exp.Func):
            _check_function(node)


def _check_function(node: exp.Func) -> None:
    name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
    if name in _SYSTEM_ALLOWED:
        return
    if name in _SYSTEM_REFUSED or name.startswith(_SYSTEM_PREFIXES) or _RUNS_TEXT.fullmatch(name):
        raise RefusedError(f"The function {name} is not allowed here.")


def _strip_database(tree: exp.Expression) -> str | None:
    """Remove the database from `DB.SCHEMA.NAME`, since PostgreSQL has one for each connection; return it."""
    named: set[str] = set()
    for table in tree.find_all(exp.Table):
        if table.catalog:
            named.add(known_database(table.catalog))
            table.set("catalog", None)
        if table.db.upper() in SCHEMAS:  # PUBLIC, "PUBLIC" and public are the same schema
            table.set("db", exp.to_identifier(table.db.lower()))
    if len(named) > 1:
        raise RefusedError(f"One query reads one database; this one names {' and '.join(sorted(named))}.")
    return named.pop() if named else None


def _limited(tree: exp.Expression) -> exp.Expression:
    """Limit the query to `$1` rows; a lower plain limit of its own is kept."""
    if not isinstance(tree, exp.Query):
        return _wrapped(tree)
    given = tree.args.get("limit")
    parameter = exp.cast(exp.Parameter(this=exp.Literal.number(1)), "bigint")
    if given is None:
        return tree.limit(parameter)
    if isinstance(given, exp.Limit) and isinstance(given.expression, exp.Literal):
        return tree.limit(exp.Least(this=given.expression, expressions=[parameter]))
    return _wrapped(tree)


def _wrapped(tree: exp.Expression) -> exp.Expression:
    return (
        exp.select("*")
        .from_(exp.Subquery(this=tree, alias=exp.TableAlias(this=exp.to_identifier("q"))))
        .limit(exp.cast(exp.Parameter(this=exp.Literal.number(1)), "bigint"))
    )


# What SHOW answers with. `{schema}` is filled from SCHEMAS only, never from the query's text.
_SHOW_SQL = {
    "DATABASES": "SELECT datname AS name, pg_get_userbyid(datdba) AS owner FROM pg_database"
    " WHERE NOT datistemplate AND datname IN ({databases}) ORDER BY 1",
    "SCHEMAS": "SELECT upper(nspname) AS name, current_database() AS database_name FROM pg_namespace"
    " WHERE upper(nspname) IN ({schemas}) ORDER BY 1",
    "TABLES": "SELECT upper(tablename) AS name, current_database() AS database_name,"
    " upper(schemaname) AS schema_name, 'TABLE' AS kind, tableowner AS owner"
    " FROM pg_tables WHERE upper(schemaname) IN ({schemas}) ORDER BY 3, 1",
    "VIEWS": "SELECT upper(viewname) AS name, current_database() AS database_name,"
    " upper(schemaname) AS schema_name, viewowner AS owner"
    " FROM pg_views WHERE upper(schemaname) IN ({schemas}) ORDER BY 3, 1",
}


def _show(tree: exp.Show) -> Translation:
    what = tree.name.upper()
    if what not in _SHOW_SQL:
        raise RefusedError(f"SHOW {what} is not supported; SHOW {', '.join(sorted(_SHOW_SQL))} are.")
    if unsupported := [key for key in ("like", "starts_with", "from_") if tree.args.get(key)]:
        raise RefusedError(
            f"SHOW {what} with {unsupported[0].strip('_').replace('_', ' ')} is not supported."
        )
    database, schema = _show_scope(tree)
    count = _show_limit(tree)
    sql = _SHOW_SQL[what].format(
        databases=_quoted(DATABASES), schemas=_quoted((schema,) if schema else SCHEMAS)
    )
    return Translation(
        f"{sql} LIMIT {'$1::bigint' if count is None else f'LEAST({count}, $1::bigint)'}", database
    )


def _show_limit(tree: exp.Show) -> int | None:
    limit = tree.args.get("limit")
    if limit is None:
        return None
    if not isinstance(limit, exp.Limit) or not limit.expression.name.isdecimal():
        raise RefusedError("The limit of SHOW must be a whole number.")
    return int(limit.expression.name)


def _show_scope(tree: exp.Show) -> tuple[str | None, str | None]:
    """Return database and schema of `IN DB.SCHEMA`, `IN DATABASE DB`, `IN SCHEMA` or `IN DB`.

    None if absent.
    """
    scope = tree.args.get("scope")
    if not isinstance(scope, exp.Table):
        return None, None
    if scope.db:
        return known_database(scope.db), known_schema(scope.name)
    if scope.name.upper() in DATABASES:
        return scope.name.upper(), None
    if (tree.args.get("scope_kind") or "").upper() == "DATABASE":
        return known_database(scope.name), None
    return None, known_schema(scope.name)


def known_database(name: str) -> str:
    """Return the database's name in upper case; raise RefusedError, with the known names, for any other."""
    if name.upper() not in DATABASES:
        raise RefusedError(f"There is no database {name!r}; there are {', '.join(DATABASES)}.")
    return name.upper()


def known_schema(name: str) -> str:
    """Return the schema's name in upper case; raise RefusedError, with the known names, for any other."""
    if name.upper() not in SCHEMAS:
        raise RefusedError(f"There is no schema {name!r}; there are {', '.join(SCHEMAS)}.")
    return name.upper()


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _kind(node: exp.Expression) -> str:
    return str(node.this) if isinstance(node, exp.Command) else type(node).__name__.upper()


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
