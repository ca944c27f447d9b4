"""Reads the structure of a schema from PostgreSQL's catalogues, and compares it with what is expected. The comparison is pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.foundation.untrusted.printable import printable
from harness.verify.spec import backends

Fetch = Callable[..., Sequence[tuple[Any, ...]]]
SHOWN_CHARS: Final = 80

TABLES: Final = """SELECT c.relname::text, c.relpersistence::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') ORDER BY 1"""
COLUMNS: Final = """SELECT i.table_name::text, i.column_name::text, i.data_type::text, i.udt_name::text,
    format_type(a.atttypid, a.atttypmod)
  FROM information_schema.columns i
  JOIN pg_namespace n ON n.nspname = i.table_schema
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = i.table_name
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = i.column_name
  WHERE i.table_schema = $1 ORDER BY i.table_name, i.ordinal_position"""
INDEXES: Final = """SELECT t.relname::text, i.relname::text, x.indisvalid, pg_get_indexdef(i.oid)
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace WHERE n.nspname = $1 ORDER BY 1, 2"""
MEANT: Final = "SELECT format_type(to_regtype($1), NULL)"


@dataclass(frozen=True, slots=True)
class FoundTable:
    """One table as it is."""

    logged: bool = True
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the names that its type goes by
    indexes: Mapping[str, bool] = field(default_factory=dict)  # whether it is valid
    definitions: Mapping[str, str] = field(default_factory=dict)  # of the indexes


def structure(fetch: Fetch, schema: str) -> dict[str, FoundTable]:
    """All tables of a schema."""
    columns: dict[str, dict[str, tuple[str, ...]]] = {}
    for table, column, *types in fetch(COLUMNS, schema):
        columns.setdefault(table, {})[column] = tuple(types)
    indexes: dict[str, dict[str, bool]] = {}
    definitions: dict[str, dict[str, str]] = {}
    for table, index, valid, definition in fetch(INDEXES, schema):
        indexes.setdefault(table, {})[index] = valid
        definitions.setdefault(table, {})[index] = definition
    return {
        name: FoundTable(kept != "u", columns.get(name, {}), indexes.get(name, {}), definitions.get(name, {}))
        for name, kept in fetch(TABLES, schema)
    }


def missing_tables(expected: Mapping[str, backends.Table], actual: Mapping[str, FoundTable]) -> list[str]:
    """Those that are not there, a line each."""
    return [f"there is no table {shown(name)}" for name in expected if name not in actual]


def wrong_columns(
    expected: Mapping[str, backends.Table],
    actual: Mapping[str, FoundTable],
    meant: Callable[[str], str | None],
) -> Iterator[str]:
    """Those that are missing or of another type; `meant` is what PostgreSQL calls a type that goes by several names."""
    for name, table in expected.items():
        for column, kind in table.columns.items() if name in actual else ():
            types = actual[name].columns.get(column)
            if types is None:
                yield f"{shown(name)} has no column {shown(column)}"
            elif kind and not is_of_type(kind, types, meant):
                yield f"{shown(name)}.{shown(column)} is {shown(types[-1])}, not {shown(kind)}"


def is_of_type(kind: str, types: Sequence[str], meant: Callable[[str], str | None]) -> bool:
    """Whether a type is the expected one under any of its names: `timestamptz`, `varchar(50)`."""
    wanted = " ".join(kind.lower().split())
    plain, bracket, size = wanted.partition("(")
    if wanted in {each.lower() for each in types}:
        return True
    full = meant(plain.strip())
    return full is not None and f"{full}{bracket}{size.replace(' ', '')}" in {
        types[-1],
        *({types[0]} if not bracket else ()),
    }


def wrong_indexes(expected: Mapping[str, backends.Table], actual: Mapping[str, FoundTable]) -> Iterator[str]:
    """Those that are missing, or that PostgreSQL does not use because they were never finished."""
    for name, table in expected.items():
        for index in table.indexes if name in actual else ():
            valid = actual[name].indexes.get(index)
            if valid is None:
                yield f"{shown(name)} has no index {shown(index)}"
            elif not valid:
                yield f"the index {shown(index)} of {shown(name)} is not valid: its creation was interrupted"


def volatile(expected: Mapping[str, backends.Table], actual: Mapping[str, FoundTable]) -> list[str]:
    """Those that a crash of PostgreSQL empties."""
    return [
        f"{shown(name)} is UNLOGGED: a crash of PostgreSQL empties it"
        for name, table in expected.items()
        if name in actual and not actual[name].logged and not table.unlogged
    ]


def apart(
    one: Mapping[str, FoundTable], other: Mapping[str, FoundTable], names: tuple[str, str]
) -> Iterator[str]:
    """Yield what one schema has and the other has not."""
    for name in sorted({*one, *other}):
        if name not in one or name not in other:
            yield f"only {names[name in other]} has the table {shown(name)}"
            continue
        first, second = one[name], other[name]
        for column in sorted({*first.columns, *second.columns}):
            types = [
                each.columns[column][-1] if column in each.columns else "missing" for each in (first, second)
            ]
            if types[0] != types[1]:
                yield f"{shown(name)}.{shown(column)} is {shown(types[0])} in {names[0]}, {shown(types[1])} in {names[1]}"
        for index in sorted({*first.indexes} ^ {*second.indexes}):
            yield f"only {names[index in second.indexes]} has the index {shown(index)} of {shown(name)}"


def shown(name: str) -> str:
    return printable(name, SHOWN_CHARS)
