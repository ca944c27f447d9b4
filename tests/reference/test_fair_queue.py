"""Places given in turn: shown by the order in which clients are let in, never by a clock."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.reference.fair_queue import NoTurnError, Turns


async def settle():
    """Everything that can happen without time passing has happened."""
    for _ in range(20):
        await asyncio.sleep(0)


async def order_of(clients, places=1):
    """Who is let in when, if these calls come while all places are taken and each place is left at once."""
    turns = Turns(places, wait_s=60)
    for _ in range(places):
        await turns.enter("first")
    let_in, passed = [], {}

    async def call(number, client):
        passed[number] = await turns.enter(client)
        let_in.append(client)
        turns.leave()

    calls = [asyncio.create_task(call(number, client)) for number, client in enumerate(clients)]
    await settle()
    turns.leave()
    await asyncio.gather(*calls)
    assert (turns.counts.in_use, turns.waiting) == (places - 1, 0)
    return let_in, passed


async def test_one_call_does_not_wait_behind_fifty_of_another():
    """The picture in the module: fifty are waiting, one comes, and is second."""
    let_in, passed = await order_of(["heavy"] * 50 + ["light"])

    assert let_in[:3] == ["heavy", "light", "heavy"]
    assert passed[50] == 1


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=40))
def test_nobody_waits_for_more_than_its_own_load(clients):
    """Before a call's turn every other client is let in once for each call of its own before it, and once more."""
    let_in, _ = asyncio.run(order_of(clients))

    assert sorted(let_in) == sorted(clients)
    for client in set(clients):
        own = 0
        for number, one in enumerate(let_in):
            if one == client:
                others = [let_in[:number].count(other) for other in set(clients) - {client}]
                assert max(others, default=0) <= own + 1
                own += 1


@given(st.lists(st.sampled_from("ab"), min_size=1, max_size=20), st.sets(st.integers(0, 19)))
def test_places_are_not_lost_when_callers_give_up(clients, given_up):
    """Whoever is cancelled while it waits, every place comes back and everybody else gets one."""

    async def play():
        turns = Turns(1, wait_s=60)
        await turns.enter("first")
        done = []

        async def call(number, client):
            await turns.enter(client)
            done.append(number)
            turns.leave()

        calls = [asyncio.create_task(call(number, client)) for number, client in enumerate(clients)]
        await asyncio.sleep(0)
        for number in given_up & set(range(len(clients))):
            calls[number].cancel()
        turns.leave()
        await asyncio.gather(*calls, return_exceptions=True)
        assert sorted(done) == [number for number in range(len(clients)) if number not in given_up]
        assert (turns.counts.in_use, turns.waiting) == (0, 0)

    asyncio.run(play())


async def test_a_place_given_to_a_caller_that_is_gone_goes_on():
    """Cancelled in the same moment in which its turn came."""
    turns = Turns(1, wait_s=60)
    await turns.enter("a")
    gone = asyncio.create_task(turns.enter("b"))
    await settle()
    turns.leave()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone

    assert turns.counts.in_use == 0
    assert await turns.enter("c") == 0


async def test_waiting_is_bounded_in_time_and_number():
    """No place within the limit, or too many waiting: an error, and no trace of the caller."""
    turns = Turns(1, wait_s=0.001, waiting_max=1)
    await turns.enter("a")
    waiting = asyncio.create_task(turns.enter("b"))
    await asyncio.sleep(0)
    with pytest.raises(NoTurnError, match="1 calls wait already"):
        await turns.enter("c")
    with pytest.raises(NoTurnError, match=r"within 0\.001 s"):
        await waiting

    assert (turns.waiting, turns.counts.refused) == (0, 2)


async def test_what_happened_is_counted():
    """Entered, waited, at most in use."""
    turns = Turns(2, wait_s=60)
    await turns.enter("a")
    await turns.enter("a")
    third = asyncio.create_task(turns.enter("b"))
    await settle()
    assert turns.waiting == 1
    turns.leave()
    await third
    turns.leave()

    counts = turns.counts
    assert (counts.entered, counts.waited, counts.in_use, counts.in_use_most) == (3, 1, 1, 2)
    assert counts.waited_s >= 0
