"""The session store on a real PostgreSQL."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import pytest

from harness.target import databases
from harness.target.sessions import Client, StoreUnreachableError
from harness.target.sessions_postgres import PostgresSessions
from harness.target.settings import Settings

CLIENT = Client("test", "1", "2025-11-25")


@asynccontextmanager
async def store_of(settings, **options):
    async with databases.opened(settings) as opened:
        yield PostgresSessions(opened.own, settings.session_ttl_s, **options)


@pytest.fixture
def settings(postgres_url, schema):
    """Settings with a schema of this test's own."""
    return Settings(postgres_url, schema=schema)


@pytest.fixture
async def sql(postgres_url):
    """A connection to look behind the store's back."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


async def test_colliding_id_is_generated_again(settings):
    """An id that is taken, even by a closed session, is never given twice."""
    ids = iter(["a", "a", "a", "b"])
    async with store_of(settings, make_id=lambda: next(ids)) as store:
        first = await store.open(CLIENT)
        await store.close(first)
        second = await store.open(CLIENT)

        assert (first, second) == ("a", "b")
        assert not await store.touch("a")
        assert await store.touch("b")


async def test_ids_that_always_collide_are_an_error(settings):
    """Opening gives up after a few ids instead of trying for ever."""
    async with store_of(settings, make_id=lambda: "same") as store:
        await store.open(CLIENT)
        with pytest.raises(StoreUnreachableError, match="5 new session ids"):
            await store.open(CLIENT)


async def test_activity_extends_the_expiry(settings, schema, sql):
    """Each touch sets the expiry to now and the time to live, and counts."""
    async with store_of(settings) as store:
        session = await store.open(CLIENT)
        await sql.execute(f"UPDATE {schema}.sessions SET expires_at = now() + interval '1 minute'")
        assert await store.touch(session)
    row = await sql.fetchrow(
        f"SELECT requests, extract(epoch FROM expires_at - seen_at)::int AS left_s FROM {schema}.sessions"
    )

    assert tuple(row) == (1, 1800)


async def test_sweep_deletes_expired_only(settings, schema, sql):
    """Expired sessions are deleted, closed ones with their time; open ones stay."""
    async with store_of(settings) as store:
        live, expired, closed = [await store.open(CLIENT) for _ in range(3)]
        await store.close(closed)
        await sql.execute(f"UPDATE {schema}.sessions SET expires_at = now() WHERE id = $1", expired)

        assert await store.count() == 1
        assert await store.sweep() == 1
        assert not await store.close(expired)
    rows = await sql.fetch(f"SELECT id FROM {schema}.sessions")
    assert {row["id"] for row in rows} == {live, closed}


async def test_requests_at_once_share_updates(settings, schema, sql):
    """A thousand touches at once are each answered right, each counted, in a handful of transactions."""
    async with store_of(settings) as store:
        sessions = [await store.open(CLIENT) for _ in range(10)]
        names = [*sessions, "nobody"] * 100
        before = await sql.fetchval("SELECT pg_current_xact_id()::text::bigint")
        alive = await asyncio.gather(*(store.touch(name) for name in names))
        after = await sql.fetchval("SELECT pg_current_xact_id()::text::bigint")

    assert alive == [name != "nobody" for name in names]
    assert after - before <= 10
    assert await sql.fetch(f"SELECT DISTINCT requests FROM {schema}.sessions") == [(100,)]


async def test_a_request_given_up_spoils_no_other(settings):
    """Cancelling one waiting touch leaves the ones beside it answered."""
    async with store_of(settings) as store:
        session = await store.open(CLIENT)
        touches = [asyncio.create_task(store.touch(session)) for _ in range(5)]
        await asyncio.sleep(0)
        touches[2].cancel()
        results = await asyncio.gather(*touches, return_exceptions=True)

    assert [result for result in results if result is True] == [True] * 4
    assert isinstance(results[2], asyncio.CancelledError)


async def test_a_store_that_fails_tells_everyone(settings, schema, sql):
    """When the table is gone every waiting request hears it, and the store works again once it is back."""
    async with store_of(settings) as store:
        session = await store.open(CLIENT)
        await sql.execute(f"ALTER TABLE {schema}.sessions RENAME TO gone")
        results = await asyncio.gather(*(store.touch(session) for _ in range(3)), return_exceptions=True)
        await sql.execute(f"ALTER TABLE {schema}.gone RENAME TO sessions")

        assert [type(result) for result in results] == [StoreUnreachableError] * 3
        assert await store.touch(session)


async def test_service_sweeps_by_itself(serve_target, schema, sql, http):
    """While the service runs, rows of expired sessions go away; a sweep that fails is tried again."""
    await serve_target(session_sweep_s=0.02)
    add = f"""INSERT INTO {schema}.sessions (id, client, client_version, protocol, expires_at)
        VALUES ($1, '', '', '', now())"""
    await sql.execute(f"ALTER TABLE {schema}.sessions RENAME TO gone")
    await sql.execute("SELECT pg_sleep(0.1)")  # a few sweeps meanwhile fail
    await sql.execute(f"ALTER TABLE {schema}.gone RENAME TO sessions")
    await sql.execute(add, "old")
    async with asyncio.timeout(20):
        while await sql.fetchval(f"SELECT count(*) FROM {schema}.sessions"):
            await asyncio.sleep(0.01)


async def test_same_store_twice_in_one_process(settings):
    """The parts can be opened, closed and opened again; what they kept is there."""
    async with store_of(settings) as store:
        session = await store.open(CLIENT)
    async with store_of(replace(settings, pool_min=1)) as store:
        assert await store.touch(session)
