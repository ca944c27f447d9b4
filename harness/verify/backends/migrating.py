"""The user's own migrations, tried on an empty database and on an older one, apart from all that there is.

Apart is a schema of its own in the same database, which the DSN's search_path names (so does `{{schema}}` in the command), or a database of its own.
Either is made for one trial and dropped after it.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from harness.verify.backends import command
from harness.verify.backends.asking import marked
from harness.verify.backends.database import Database, closed, connected, failures, quoted, silent
from harness.verify.backends.structure import FoundTable, structure
from harness.verify.finding import fail
from harness.verify.spec import backends

PREFIX: Final = "verify_migrate_"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a trial takes place."""

    dsn: str = field(repr=False)
    schema: str


@contextmanager
def apart(database: Database, how: str) -> Iterator[Place]:
    """A new, empty place; gone afterwards."""
    name = PREFIX + secrets.token_hex(6)
    if how == "schema":
        place = Place(in_schema(database.spec.dsn, name), name)
        make, drop = f"CREATE SCHEMA {quoted(name)}", f"DROP SCHEMA IF EXISTS {quoted(name)} CASCADE"
    else:
        place = Place(in_database(database.spec.dsn, name), database.spec.schema)
        make, drop = f"CREATE DATABASE {quoted(name)}", f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)"
    try:
        _execute(database, make)
        yield place
    finally:
        _execute(database, drop)


def tried(
    database: Database, declared: backends.Migrate, commands: tuple[str, ...]
) -> list[dict[str, FoundTable]]:
    """Run the commands one after the other in an empty place; return the structure after each."""
    with apart(database, declared.apart) as place:
        return [_after(database, declared, each, place) for each in commands]


def _after(database: Database, declared: backends.Migrate, text: str, place: Place) -> dict[str, FoundTable]:
    environ = {
        declared.variable: place.dsn,
        "VERIFY_SCHEMA": place.schema,
        "PGOPTIONS": f"-c search_path={place.schema}",
    }
    ran = command.run(text.replace(marked("schema"), place.schema), declared.within, environ)
    if not ran.well:
        which = "command" if text == declared.command else "older"
        fail(f"database.migrate.{which} {ran.how()}")
    looked = Database(backends.Database(dsn=place.dsn, schema=place.schema), database.run)
    try:
        return structure(looked.fetch, place.schema)
    finally:
        looked.close()


def in_schema(dsn: str, schema: str) -> str:
    """The DSN, in whose connections names without a schema mean those of this one."""
    parts = urlsplit(dsn)
    kept = [(key, value) for key, value in parse_qsl(parts.query, True) if key != "options"]
    query = urlencode([*kept, ("options", f"-csearch_path={schema}")], quote_via=quote)
    return urlunsplit(parts._replace(query=query))


def in_database(dsn: str, database: str) -> str:
    """The DSN of another database of the same server."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{quote(database, safe='')}"))


def _execute(database: Database, sql: str) -> None:
    import asyncpg

    async def executed() -> None:
        connection = await connected(database.spec.dsn)
        try:
            await connection.execute(sql)
        finally:
            await closed(connection)

    try:
        database.run(executed())
    except failures(asyncpg) as error:
        raise silent(database.shown, error) from error
