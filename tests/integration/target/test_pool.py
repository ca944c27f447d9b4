"""A pool of connections on a real PostgreSQL: bounds, contexts, what is left after errors, statistics."""

import asyncio
import itertools
from contextlib import asynccontextmanager

import asyncpg
import pytest

from harness.reference.caller import Caller, acting
from harness.reference.dialect import DATABASES, SCHEMAS
from harness.reference.meter import ResultTooLargeError
from harness.reference.pool import BusyError, Pool


@asynccontextmanager
async def pool_of(url, size_max=2, size_min=0, wait_s=20.0, database=DATABASES[0], **more):
    async def connect():
        return await asyncpg.connect(url, database=database, command_timeout=20)

    pool = Pool(connect, size_min=size_min, size_max=size_max, wait_s=wait_s, **more)
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


@pytest.fixture(autouse=True)
def seeded(target_url):
    """The three databases are there."""


async def fails(pool, sql, error):
    with pytest.raises(error):
        await pool.query(sql)


async def test_every_request_reads_its_own_schema(postgres_url):
    """Four hundred requests on two connections, errors among them: each sees the schema that it asked for."""
    wanted = list(itertools.islice(itertools.cycle([*map(str.lower, SCHEMAS), None]), 400))

    async with pool_of(postgres_url) as pool:

        async def ask(number, schema):
            if number % 7 == 0:
                await fails(pool, "SELECT 1 / 0", asyncpg.DivisionByZeroError)
            return (await pool.query("SELECT current_schema()", schema=schema or "public")).rows[0][0]

        seen = await asyncio.gather(*(ask(number, schema) for number, schema in enumerate(wanted)))

    assert seen == [schema or "public" for schema in wanted]


async def test_a_context_that_could_not_be_set_is_not_taken_for_set(postgres_url):
    """The request after one that died while its schema was set gets its own schema all the same."""
    async with pool_of(postgres_url, size_max=1) as pool:
        await pool.query("SELECT 1", schema="staging")
        change = asyncio.create_task(pool.query("SELECT 1", schema="reporting"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        change.cancel()
        await asyncio.gather(change, return_exceptions=True)

        assert (await pool.query("SELECT current_schema()", schema="staging")).rows == [["staging"]]


async def test_no_more_connections_than_the_maximum_serve_any_number_of_clients(postgres_url):
    """Sixty clients over three connections, and the statistics say so."""
    async with pool_of(postgres_url, size_max=3, size_min=2) as pool:
        opened = pool.statistics()["open"]

        async def call(number):
            with acting(Caller(name=f"client {number % 60}")):
                await pool.query("SELECT pg_sleep(0.001)")

        await asyncio.gather(*(call(number) for number in range(120)))
        after = pool.statistics()

    assert opened == 2
    assert (after["open"], after["in_use_most"], after["idle"], after["in_use"]) == (3, 3, 3, 0)
    assert (after["clients"], after["uses"], after["connected"], after["waiting"]) == (60, 120, 3, 0)
    assert after["waited"] == 117


@pytest.mark.parametrize("how", ["refused by PostgreSQL", "cancelled", "timed out", "connection killed"])
async def test_everything_is_released_after_an_error(postgres_url, how):
    """Whatever ends a use, the place comes back, what ran is stopped, and the next request is served."""
    async with pool_of(postgres_url, size_max=1) as pool:
        if how == "refused by PostgreSQL":
            await fails(pool, "SELECT 1 / 0", asyncpg.DivisionByZeroError)
        elif how == "timed out":
            async with pool.connection() as connection:
                with pytest.raises(TimeoutError):
                    await connection.fetch("SELECT pg_sleep(19)", timeout=0.01)
        else:
            await broken_in_the_middle(pool, postgres_url, how)

        assert (await pool.query("SELECT 1")).rows == [[1]]
        after = pool.statistics()
    assert (after["open"], after["idle"], after["in_use"]) == (1, 1, 0)


async def broken_in_the_middle(pool, url, how):
    """Start a long query and end it from outside."""
    text = f"SELECT pg_sleep(18), '{how}'"
    query = asyncio.create_task(pool.query(text))
    watcher = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(20):
            find = "SELECT pid FROM pg_stat_activity WHERE query = $1 AND state = 'active'"
            while not (pid := await watcher.fetchval(find, text)):
                await asyncio.sleep(0.005)
            if how == "cancelled":
                query.cancel()
            else:
                await watcher.fetchval("SELECT pg_terminate_backend($1)", pid)
            await asyncio.gather(query, return_exceptions=True)
            while await watcher.fetchval(find, text):
                await asyncio.sleep(0.005)
    finally:
        await watcher.close()


async def test_a_connection_that_died_while_it_was_idle_is_replaced(postgres_url):
    """The request that finds it dead gets another one."""
    async with pool_of(postgres_url, size_max=1) as pool:
        pid = (await pool.query("SELECT pg_backend_pid()")).rows[0][0]
        watcher = await asyncpg.connect(postgres_url)
        await watcher.fetchval("SELECT pg_terminate_backend($1)", pid)
        async with asyncio.timeout(20):
            while await watcher.fetchval("SELECT 1 FROM pg_stat_activity WHERE pid = $1", pid):
                await asyncio.sleep(0.005)
        await watcher.close()
        await asyncio.sleep(0.01)

        assert (await pool.query("SELECT 1")).rows == [[1]]
        after = pool.statistics()
    assert (after["connected"], after["open"]) == (2, 1)


async def test_too_large_a_result_is_cut_off_and_leaves_no_trace(postgres_url):
    """However much PostgreSQL would send, in one value or in many rows; the next request finds its connection."""
    async with pool_of(postgres_url, size_max=1, result_bytes_max=100_000) as pool:
        for sql in (
            "SELECT repeat('x', 200000000)",
            "SELECT repeat('x', 1000) FROM generate_series(1, 1000000)",
        ):
            await fails(pool, sql, ResultTooLargeError)
            assert (await pool.query("SELECT 1")).rows == [[1]]
        for _ in range(3):  # each has the whole limit
            assert len((await pool.query("SELECT repeat('x', 90000)")).rows[0][0]) == 90_000
        async with pool.connection() as connection:  # what the service asks for itself is its own business
            assert len(await connection.fetchval("SELECT repeat('x', 300000)")) == 300_000
        statistics = pool.statistics()

    assert (statistics["connected"], statistics["open"]) == (3, 1)


async def test_a_connection_that_is_lost_is_not_a_result_that_is_too_large(postgres_url):
    """Within its limit a query whose connection goes has lost its connection."""
    async with pool_of(postgres_url, result_bytes_max=100_000) as pool:
        with pytest.raises(asyncpg.PostgresError, match="terminating connection"):
            await pool.query("SELECT pg_terminate_backend(pg_backend_pid())")
        assert (await pool.query("SELECT 1")).rows == [[1]]


async def test_a_place_comes_back_when_no_connection_can_be_made(postgres_url):
    """While PostgreSQL refuses, each request fails by itself, and afterwards all places are there."""
    refuse = False

    async def connect():
        if refuse:
            raise OSError("refused")
        return await asyncpg.connect(postgres_url)

    pool = Pool(connect, size_min=0, size_max=1, wait_s=1)
    await pool.open()
    await pool.close()
    refuse = True
    for _ in range(3):
        await fails(pool, "SELECT 1", OSError)
    refuse = False
    assert (await pool.query("SELECT 1")).rows == [[1]]
    await pool.close()


async def test_waiting_for_a_connection_ends(postgres_url):
    """After the limit the caller is told that the pool is busy."""
    async with pool_of(postgres_url, size_max=1, wait_s=0.01) as pool, pool.connection():
        with pytest.raises(BusyError, match=r"no free database connection within 0\.01 s"):
            await pool.query("SELECT 1")
        assert pool.statistics()["refused"] == 1
