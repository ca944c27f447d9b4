"""A schema or a database of its own in somebody's PostgreSQL, for one trial: registered before it is made, dropped after it, also after a kill -9."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from harness.verify.backends.database import closed, connected, quoted
from harness.verify.spec import backends

Announce = Callable[
    [str, str], Callable[[], None]
]  # kind and name, before it is made; what it brings is called when it is gone


@dataclass(frozen=True, slots=True)
class Place:
    """Where a trial takes place."""

    dsn: str = field(repr=False)
    schema: str

    @property
    def environ(self) -> dict[str, str]:
        """What tells a command the schema, beside the DSN."""
        return {"VERIFY_SCHEMA": self.schema, "PGOPTIONS": f"-c search_path={self.schema}"}


@asynccontextmanager
async def apart(
    database: backends.Database, kind: str, purpose: str, announce: Announce
) -> AsyncIterator[Place]:
    """A new, empty place; gone afterwards."""
    name = f"verify_{purpose}_{secrets.token_hex(6)}"
    if kind == "schema":
        place = Place(in_schema(database.dsn, name), name)
        make, drop = f"CREATE SCHEMA {quoted(name)}", f"DROP SCHEMA IF EXISTS {quoted(name)} CASCADE"
    else:
        place = Place(in_database(database.dsn, name), database.schema)
        make, drop = f"CREATE DATABASE {quoted(name)}", f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)"
    gone = announce(kind, name)
    try:
        await _execute(database.dsn, make)
        yield place
    finally:
        await _execute(database.dsn, drop)
        gone()


def in_schema(dsn: str, schema: str) -> str:
    """The DSN, in whose connections names without a schema mean those of this one."""
    parts = urlsplit(dsn)
    kept = [(key, value) for key, value in parse_qsl(parts.query, True) if key != "options"]
    query = urlencode([*kept, ("options", f"-csearch_path={schema}")], quote_via=quote)
    return urlunsplit(parts._replace(query=query))


def in_database(dsn: str, database: str) -> str:
    """The DSN of another database of the same server."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{quote(database, safe='')}"))


async def _execute(dsn: str, sql: str) -> None:
    connection = await connected(dsn)
    try:
        await connection.execute(sql)
    finally:
        await closed(connection)
