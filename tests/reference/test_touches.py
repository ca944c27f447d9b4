"""Touches: what is told to the store, how often, and who hears what."""

import asyncio

import pytest

from harness.reference import touches
from harness.reference.sessions import StoreUnreachableError
from harness.reference.touches import AT_ONCE, Touches

A, B = ("a", None), ("b", "owner")


class Store:
    """Keeps what it is told; answers when it is let."""

    def __init__(self):
        self.batches, self.go = [], asyncio.Event()
        self.failing = False
        self.go.set()

    async def send(self, batch):
        self.batches.append({touch.key: (touch.begun, touch.ended) for touch in batch})
        await self.go.wait()
        if self.failing:
            raise StoreUnreachableError("gone")
        return {touch.key for touch in batch if touch.session != "nobody"}


@pytest.fixture
def store():
    """A store that answers at once."""
    return Store()


async def test_requests_that_wait_share_the_next_batch(store):
    """The first goes alone, the others together, and each hears its own answer."""
    told = Touches(store.send)
    store.go.clear()
    first = asyncio.create_task(told.touch(A))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rest = [asyncio.create_task(told.touch(key)) for key in (A, A, B, ("nobody", None))]
    await asyncio.sleep(0)
    store.go.set()

    assert await asyncio.gather(first, *rest) == [True, True, True, True, False]
    assert store.batches == [{A: (1, 0)}, {A: (2, 0), B: (1, 0), ("nobody", None): (1, 0)}]


async def test_a_batch_is_bounded(store):
    """What is more than fits goes with the next."""
    told = Touches(store.send)
    await asyncio.gather(*(told.touch((str(number), None)) for number in range(AT_ONCE + 1)))

    assert [len(batch) for batch in store.batches] == [AT_ONCE, 1]


async def test_ends_ride_along_with_the_next_request(store):
    """The end of a request costs no round trip of its own while requests come."""
    told = Touches(store.send)
    await told.touch(A)
    told.leave(A)
    await told.touch(A)

    assert store.batches == [{A: (1, 0)}, {A: (1, 1)}]


async def test_ends_go_alone_when_nothing_comes(store, monkeypatch):
    """When no request follows the end is told all the same."""
    monkeypatch.setattr(touches, "ALONE_AFTER_S", 0)
    told = Touches(store.send)
    await told.touch(A)
    told.leave(A)
    async with asyncio.timeout(20):
        while len(store.batches) < 2:
            await asyncio.sleep(0)

    assert store.batches[1] == {A: (0, 1)}


async def test_a_request_given_up_is_ended_and_spoils_no_other(store):
    """Cancelling one waiting touch leaves the ones beside it answered, and counts it as over."""
    told = Touches(store.send)
    waiting = [asyncio.create_task(told.touch(A)) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[2].cancel()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    await told.settle()

    assert [result for result in results if result is True] == [True] * 4
    assert isinstance(results[2], asyncio.CancelledError)
    assert sum(batch[A][0] - batch[A][1] for batch in store.batches) == 4


async def test_a_store_that_fails_tells_everyone_of_the_batch_and_the_next_one_is_tried(store):
    """An error is no answer: each hears it, and the next batch is sent."""
    told = Touches(store.send)
    store.failing = True
    results = await asyncio.gather(told.touch(A), told.touch(B), return_exceptions=True)
    store.failing = False

    assert [str(result) for result in results] == ["gone", "gone"]
    assert await told.touch(A)


async def test_settling_tells_what_was_not_told_and_waits_no_longer_than_allowed(store, monkeypatch):
    """With a store that answers nothing is left over; with one that does not, it ends."""
    told = Touches(store.send)
    await told.touch(A)
    told.leave(A)
    await told.settle()
    assert store.batches[-1] == {A: (0, 1)}

    monkeypatch.setattr(touches, "SETTLE_S", 0)
    store.go.clear()
    waiting = asyncio.create_task(told.touch(A))
    await asyncio.sleep(0)
    await told.settle()
    store.go.set()
    assert await waiting


async def test_settling_ends_in_order_while_the_service_is_being_cancelled(store, monkeypatch):
    """Debian 12's Python takes a deadline in there for another cancellation; what comes next is done all the same."""
    told, ended = Touches(store.send), []
    await told.touch(A)
    monkeypatch.setattr(touches, "SETTLE_S", 0)
    store.go.clear()

    async def serve():
        try:
            await asyncio.sleep(60)
        finally:
            told.leave(A)
            await told.settle()
            ended.append("in order")

    service = asyncio.create_task(serve())
    await asyncio.sleep(0)
    service.cancel()
    await asyncio.wait([service])
    store.go.set()

    assert (ended, service.cancelled()) == (["in order"], True)
