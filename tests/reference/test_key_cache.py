"""What is remembered of keys: for how long, how many, and what a change does."""

import asyncio

import pytest

from harness.reference import key_cache
from harness.reference.caller import Caller
from harness.reference.key_cache import REMEMBER_S, TooManyError, Verified


class VettedAddresses:
    """Knows keys that are names; counts how often it was asked, and answers when it is let."""

    def __init__(self):
        self.asked, self.now_s, self.go = [], 0.0, asyncio.Event()
        self.known = {"a", "b"}
        self.go.set()
        self.verified = Verified(self.verify, lambda: self.now_s)

    async def verify(self, key):
        self.asked.append(key)
        caller = Caller(key, client=key) if key in self.known else None
        await self.go.wait()
        return caller


@pytest.fixture
def clients():
    """A fresh one."""
    return VettedAddresses()


@pytest.mark.parametrize("key", ["a", "wrong"])
async def test_an_answer_is_remembered_for_its_time_and_no_longer(clients, key):
    """Right and wrong keys are asked for once within the time, and again after it."""
    first = await clients.verified.caller(key)
    clients.now_s = REMEMBER_S - 0.001
    assert await clients.verified.caller(key) == first
    assert clients.asked == [key]
    clients.now_s = REMEMBER_S
    assert await clients.verified.caller(key) == first
    assert clients.asked == [key, key]


async def test_those_who_ask_at_once_share_one_verification(clients):
    """A thousand requests with one key cost one slow hash; one that is given up spoils no other."""
    clients.go.clear()
    asking = [asyncio.create_task(clients.verified.caller("a")) for _ in range(1000)]
    await asyncio.sleep(0)
    asking[0].cancel()
    clients.go.set()
    answers = await asyncio.gather(*asking[1:])

    assert {answer.client for answer in answers} == {"a"}
    assert clients.asked == ["a"]


async def test_what_changed_is_asked_for_again(clients):
    """A forgotten client is verified anew, others are not; an answer read before the change is not remembered."""
    await clients.verified.caller("a")
    await clients.verified.caller("b")
    clients.go.clear()
    clients.known.add("c")
    old = asyncio.create_task(clients.verified.caller("c"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    clients.known -= {"a", "c"}
    clients.verified.forget("a")
    clients.go.set()

    assert (await old).client == "c"
    assert await clients.verified.caller("c") is None
    assert await clients.verified.caller("a") is None
    assert (await clients.verified.caller("b")).client == "b"
    assert clients.asked.count("b") == 1


async def test_memory_is_bounded(clients, monkeypatch):
    """The oldest answer goes when there are too many."""
    monkeypatch.setattr(key_cache, "REMEMBERED_MAX", 2)
    for key in ("a", "b", "wrong", "b", "a"):
        await clients.verified.caller(key)

    assert clients.asked == ["a", "b", "wrong", "a"]


async def test_so_many_may_wait_and_no_more(clients, monkeypatch):
    """Who comes when too many keys are being verified is told so, and the others get their answers."""
    monkeypatch.setattr(key_cache, "WAITING_MAX", 2)
    clients.go.clear()
    asking = [asyncio.create_task(clients.verified.caller(key)) for key in ("a", "b")]
    await asyncio.sleep(0)
    with pytest.raises(TooManyError):
        await clients.verified.caller("wrong")
    clients.go.set()

    assert [caller.client for caller in await asyncio.gather(*asking)] == ["a", "b"]
