"""The schema of the target's own tables, on a real PostgreSQL."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from harness.foundation.errors import TargetUnreachableError, UsageError
from harness.reference import schema as schemas
from harness.reference.schema import Migration, migrations

FIRST_VERSION = """CREATE SCHEMA {0}; CREATE TABLE {0}.sessions (
  id text PRIMARY KEY, client text NOT NULL, client_version text NOT NULL, protocol text NOT NULL,
  requests bigint NOT NULL DEFAULT 0, opened_at timestamptz NOT NULL DEFAULT now(),
  seen_at timestamptz NOT NULL DEFAULT now(), expires_at timestamptz NOT NULL, closed_at timestamptz);
INSERT INTO {0}.sessions VALUES ('old', 'me', '1', '2025-11-25', 3, now(), now(), now() + interval '1 day')"""


@pytest.fixture
async def sql(postgres_url, schema):
    """A connection to look at the schema with, which it drops."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    await connection.close()


@pytest.fixture
def ensure(postgres_url, schema):
    """Bring the schema up to date."""
    return lambda known=None: schemas.ensure(postgres_url, schema, connect_timeout_s=5, known=known)


async def columns(sql, schema):
    return await sql.fetch(
        "SELECT table_name, column_name, data_type, is_nullable, column_default IS NULL AS bare"
        " FROM information_schema.columns WHERE table_schema = $1 AND table_name <> 'migrations' ORDER BY 1, 2",
        schema,
    )


def test_numbers_go_from_one_without_a_gap():
    """Two people who added a file at the same time are told here; no file is passed over."""
    numbers = [migration.number for migration in migrations()]

    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) == len(list((Path(schemas.__file__).parent / "migrations").iterdir()))


async def test_an_empty_database_gets_every_migration_once(ensure, sql, schema):
    """The first start takes them all, the next none; both leave a record of when."""
    assert await ensure() == [migration.number for migration in migrations()]
    assert await ensure() == []
    assert await sql.fetchval(f"SELECT count(*) FROM {schema}.migrations") == len(migrations())


async def test_an_older_database_becomes_like_a_new_one_and_keeps_its_rows(ensure, sql, schema, postgres_url):
    """From the first version, which knew no migrations, the same tables come out as from nothing."""
    await sql.execute(FIRST_VERSION.format(schema))
    await ensure()
    new = f"{schema}_new"
    await schemas.ensure(postgres_url, new, connect_timeout_s=5)
    both = [await columns(sql, schema), await columns(sql, new)]
    await sql.execute(f"DROP SCHEMA {new} CASCADE")

    assert both[0] == both[1]
    assert await sql.fetchval(f"SELECT requests FROM {schema}.sessions WHERE id = 'old'") == 3


async def test_each_later_version_is_reached_from_each_earlier_one(ensure, sql, schema):
    """Stopping anywhere on the way and going on later is the same as going all the way."""
    for count in range(1, len(migrations()) + 1):
        assert await ensure(migrations()[:count]) == [count]


async def test_many_processes_may_start_at_once(ensure, sql, schema):
    """One of them takes the migrations, the others find them done."""
    taken = await asyncio.gather(*(ensure() for _ in range(6)))

    assert sorted(map(len, taken)) == [0] * 5 + [len(migrations())]


async def test_a_migration_that_fails_leaves_the_schema_as_it_was(ensure, sql, schema):
    """All or nothing: also what came before it in the same start is undone."""
    good = Migration(1, "good", "CREATE TABLE good (a int)")
    with pytest.raises(asyncpg.PostgresError):
        await ensure((good, Migration(2, "bad", "CREATE TABLE bad (a nonsense)")))

    assert await sql.fetchval("SELECT to_regnamespace($1)", schema) is None
    assert await ensure((good,)) == [1]


async def test_a_newer_schema_is_refused(ensure, sql, schema):
    """A program that does not know a table's meaning does not write to it."""
    future = (*migrations(), Migration(len(migrations()) + 1, "future", "SELECT 1"))
    await ensure(future)

    with pytest.raises(TargetUnreachableError, match="newer than this program"):
        await ensure()


async def test_dropping_takes_the_whole_schema_and_only_ours(ensure, sql, schema, postgres_url):
    """What it would lose is told before; a schema that is not ours, or not there, is left alone."""
    await ensure()
    assert (await schemas.contents(postgres_url, schema, connect_timeout_s=5))["migrations"] == len(
        migrations()
    )
    await schemas.drop(postgres_url, schema, connect_timeout_s=5)
    assert await sql.fetchval("SELECT to_regnamespace($1)", schema) is None

    with pytest.raises(UsageError, match="not dropped"):
        await schemas.drop(postgres_url, schema, connect_timeout_s=5)
    await sql.execute(f"CREATE SCHEMA {schema} CREATE TABLE theirs (a int)")
    with pytest.raises(UsageError, match="the target did not make it"):
        await schemas.drop(postgres_url, schema, connect_timeout_s=5)
    assert await sql.fetchval(f"SELECT count(*) FROM {schema}.theirs") == 0


async def test_dropping_without_a_database_is_told(schema):
    """In three lines, with the password left out."""
    with pytest.raises(TargetUnreachableError, match="was not dropped") as told:
        await schemas.drop("postgresql://u:s3cret@127.0.0.1:1/x", schema, connect_timeout_s=1)

    assert "s3cret" not in str(told.value)
