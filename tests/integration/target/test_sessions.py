"""The contract of a session store, on a real PostgreSQL and a real Redis."""

import asyncio
from dataclasses import replace

import pytest

from harness.reference.sessions import Client, StoreUnreachableError, Usage
from harness.reference.settings import Settings
from tests.integration.target.stores import on_postgres, on_redis

CLIENT = Client("test", "1", "2025-11-25")


@pytest.fixture(params=["postgres", "redis"])
async def place(request, postgres_url, schema):
    """Where a store of this kind keeps its sessions, to look behind its back."""
    if request.param == "postgres":
        async with on_postgres(Settings(postgres_url, schema=schema)) as place:
            yield place
    else:
        settings = Settings(postgres_url, schema=schema, redis_url=request.getfixturevalue("redis_url"))
        async with on_redis(settings) as place:
            yield place


async def test_colliding_id_is_generated_again(place):
    """An id that is taken, even by a closed session, is never given twice."""
    ids = iter(["a", "a", "a", "b"])
    async with place.opened(make_id=lambda: next(ids)) as store:
        first = await store.open(CLIENT)
        await store.close(first)
        second = await store.open(CLIENT)

        assert (first, second) == ("a", "b")
        assert not await store.touch("a")
        assert await store.touch("b")


async def test_ids_that_always_collide_are_an_error(place):
    """Opening gives up after a few ids instead of trying for ever."""
    async with place.opened(make_id=lambda: "same") as store:
        await store.open(CLIENT)
        with pytest.raises(StoreUnreachableError, match="5 new session ids"):
            await store.open(CLIENT)


async def test_activity_extends_the_expiry(place):
    """A touch and the end of a request set the expiry to now and the time to live, and the touch counts."""
    async with place.opened() as store:
        session = await store.open(CLIENT)
        await place.leave_it(session, 60)
        assert await store.touch(session)
        found = await store.find(session)

        assert round((found.expires_at - found.seen_at).total_seconds()) == 1800
        assert found.requests == 1
        assert found.opened_at <= found.seen_at


@pytest.mark.parametrize("end", ["close", "expire", "never"])
async def test_a_session_that_is_over_stays_over(place, end):
    """Closed, expired and unknown sessions are refused everywhere, and nothing brings them back."""
    async with place.opened() as store:
        other = await store.open(CLIENT)
        session = "nobody" if end == "never" else await store.open(CLIENT)
        if end == "close":
            assert await store.close(session)
        elif end == "expire":
            await place.leave_it(session, 0)
        for _ in range(2):
            assert not await store.touch(session)
            assert not await store.close(session)
            assert await store.find(session) is None
        store.leave(session)
        await store.settle()

        assert not await store.touch(session)
        assert await store.touch(other)
        assert await store.count() == 1


async def test_sweep_deletes_expired_only(place):
    """Expired sessions are deleted, closed ones with their time; open ones stay."""
    async with place.opened() as store:
        live, expired, closed = [await store.open(CLIENT) for _ in range(3)]
        await store.close(closed)
        await place.leave_it(expired, 0)

        assert await store.count() == 1
        assert await store.sweep() == 1
        assert await store.sweep() == 0
        assert await place.ids() == {live, closed}
        assert await store.touch(live)


async def test_a_session_knows_its_client_and_what_it_does(place):
    """Name, version, type, metadata, requests in all, and those that are being worked on now."""
    metadata = {"capabilities": ["roots"], "userAgent": "curl/8", "title": 'Ünï "code"'}
    client = Client("Claude Desktop", "1.2", "2025-11-25", None, metadata)
    async with place.opened() as store:
        session = await store.open(client)
        for _ in range(3):
            assert await store.touch(session)
        store.leave(session)
        await store.settle()
        found = await store.find(session)

    assert (found.id, found.client, found.requests, found.active) == (session, client, 3, 2)
    assert found.client.type == "desktop"


async def test_active_requests_of_a_process_that_died_are_forgotten(place):
    """What another process had begun is not counted as going on for ever."""
    async with place.opened() as died:
        session = await died.open(CLIENT)
        await asyncio.gather(*(died.touch(session) for _ in range(5)))
    async with place.opened() as store:
        assert await store.touch(session)
        found = await store.find(session)
        assert (found.requests, found.active) == (6, 1)
        store.leave(session)
        await store.settle()
        assert (await store.find(session)).active == 0


async def test_a_foreign_session_is_not_found(place):
    """A session that a registered client opened serves that client and nobody else."""
    async with place.opened() as store:
        session = await store.open(replace(CLIENT, owner="c1"))
        for stranger in ("c2", None):
            assert not await store.touch(session, stranger)
            assert not await store.close(session, stranger)

        assert await store.touch(session, "c1")
        assert (await store.find(session)).requests == 1
        assert await store.close(session, "c1")


async def test_statistics_count_what_every_client_did(place):
    """Sessions by type, clients, requests by client: the same before and after expired sessions are deleted."""
    async with place.opened() as store:
        for name, requests in (("cursor", 1), ("Claude Desktop", 0), ("curl", 3), ("curl", 2)):
            session = await store.open(replace(CLIENT, name=name))
            for _ in range(requests):
                await store.touch(session)
        await store.close(session)
        before = await store.statistics()
        for known in await place.ids():
            await place.leave_it(known, 0)
        await store.sweep()
        after = await store.statistics()

    assert before == replace(after, open=3)
    assert after.open == 0
    assert (after.total, after.unique_clients, after.requests) == (4, 3, 6)
    assert after.by_type == {"desktop": 1, "code": 1, "http": 2}
    assert after.clients == (
        Usage("curl", "http", 2, 5),
        Usage("cursor", "code", 1, 1),
        Usage("Claude Desktop", "desktop", 1, 0),
    )


async def test_requests_at_once_are_each_answered_right(place):
    """A thousand touches at once: right answers, each counted once."""
    async with place.opened() as store:
        sessions = [await store.open(CLIENT) for _ in range(10)]
        names = [*sessions, "nobody"] * 100
        alive = await asyncio.gather(*(store.touch(name) for name in names))
        found = [await store.find(session) for session in sessions]

    assert alive == [name != "nobody" for name in names]
    assert [session.requests for session in found] == [100] * 10


async def test_a_store_that_fails_tells_everyone(place):
    """Every waiting request hears that the store does not answer, and it works again once it is back."""
    async with place.opened() as store:
        session = await store.open(CLIENT)
        await place.spoil()
        results = await asyncio.gather(*(store.touch(session) for _ in range(3)), return_exceptions=True)
        with pytest.raises(StoreUnreachableError):
            await store.open(CLIENT)
        with pytest.raises(StoreUnreachableError):
            await store.count()
        await place.mend()

        assert [type(result) for result in results] == [StoreUnreachableError] * 3
        assert await store.touch(session)
        await store.check()


async def test_new_objects_on_the_same_server_serve_the_session(place):
    """The parts can be opened, closed and opened again, and two at once: what they kept is there."""
    async with place.opened() as one, place.opened() as two:
        session = await one.open(CLIENT)
        assert await two.touch(session)
    async with place.opened() as again:
        assert await again.touch(session)
        assert (await again.find(session)).requests == 2
        assert await again.close(session)


async def test_ids_are_long_and_all_different(place):
    """Ids cannot be guessed from one another."""
    async with place.opened() as store:
        ids = await asyncio.gather(*(store.open(CLIENT) for _ in range(50)))

    assert len(set(ids)) == 50
    assert {len(session) for session in ids} == {32}
