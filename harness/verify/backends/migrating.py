"""The user's own migrations, tried on an empty database and on an older one, apart from all that there is.

Apart is a schema of its own in the same database, which the DSN's search_path names (so does `{{schema}}` in the command), or a database of its own.
Either is made for one trial and dropped after it; a command that still runs when this process is killed is ended with it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from harness.verify.backends import command
from harness.verify.backends.database import Database, failures, silent
from harness.verify.backends.placeholders import marked
from harness.verify.backends.structure import FoundTable, structure
from harness.verify.backends.trial_database import Place, apart
from harness.verify.finding import fail
from harness.verify.spec import backends
from harness.verify.target import Target


def tried(
    target: Target, database: Database, declared: backends.Migrate, commands: tuple[str, ...]
) -> list[dict[str, FoundTable]]:
    """Run the commands one after the other in an empty place; return the structure after each."""
    trial = apart(database.spec, declared.apart, "migrate", target.announce_apart)
    with _told(database):
        place = database.run(trial.__aenter__())
    try:
        return [_after(target, database, declared, each, place) for each in commands]
    finally:
        with _told(database):
            database.run(trial.__aexit__(None, None, None))


@contextmanager
def _told(database: Database) -> Iterator[None]:
    """What the database does not do is nobody's failure."""
    import asyncpg

    try:
        yield
    except failures(asyncpg) as error:
        raise silent(database.shown, error) from error


def _after(
    target: Target, database: Database, declared: backends.Migrate, text: str, place: Place
) -> dict[str, FoundTable]:
    ran = command.run(
        text.replace(marked("schema"), place.schema),
        declared.within,
        {declared.variable: place.dsn, **place.environ},
        target.announce_process,
    )
    if not ran.well:
        which = "command" if text == declared.command else "older"
        fail(f"database.migrate.{which} {ran.how()}")
    looked = Database(backends.Database(dsn=place.dsn, schema=place.schema), database.run)
    try:
        return structure(looked.fetch, place.schema)
    finally:
        looked.close()
