"""What is remembered of keys: for how long, how many, and what a change does."""

import asyncio

import pytest

from harness.reference import verified
from harness.reference.caller import Caller
from harness.reference.verified import REMEMBER_S, TooManyError, Verified


class Book:
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
def book():
    """A fresh one."""
    return Book()


@pytest.mark.parametrize("key", ["a", "wrong"])
async def test_an_answer_is_remembered_for_its_time_and_no_longer(book, key):
    """Right and wrong keys are asked for once within the time, and again after it."""
    first = await book.verified.caller(key)
    book.now_s = REMEMBER_S - 0.001
    assert await book.verified.caller(key) == first
    assert book.asked == [key]
    book.now_s = REMEMBER_S
    assert await book.verified.caller(key) == first
    assert book.asked == [key, key]


async def test_those_who_ask_at_once_share_one_verification(book):
    """A thousand requests with one key cost one slow hash; one that is given up spoils no other."""
    book.go.clear()
    asking = [asyncio.create_task(book.verified.caller("a")) for _ in range(1000)]
    await asyncio.sleep(0)
    asking[0].cancel()
    book.go.set()
    answers = await asyncio.gather(*asking[1:])

    assert {answer.client for answer in answers} == {"a"}
    assert book.asked == ["a"]


async def test_what_changed_is_asked_for_again(book):
    """A forgotten client is verified anew, others are not; an answer read before the change is not remembered."""
    await book.verified.caller("a")
    await book.verified.caller("b")
    book.go.clear()
    book.known.add("c")
    old = asyncio.create_task(book.verified.caller("c"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    book.known -= {"a", "c"}
    book.verified.forget("a")
    book.go.set()

    assert (await old).client == "c"
    assert await book.verified.caller("c") is None
    assert await book.verified.caller("a") is None
    assert (await book.verified.caller("b")).client == "b"
    assert book.asked.count("b") == 1


async def test_memory_is_bounded(book, monkeypatch):
    """The oldest answer goes when there are too many."""
    monkeypatch.setattr(verified, "REMEMBERED_MAX", 2)
    for key in ("a", "b", "wrong", "b", "a"):
        await book.verified.caller(key)

    assert book.asked == ["a", "b", "wrong", "a"]


async def test_so_many_may_wait_and_no_more(book, monkeypatch):
    """Who comes when too many keys are being verified is told so, and the others get their answers."""
    monkeypatch.setattr(verified, "WAITING_MAX", 2)
    book.go.clear()
    asking = [asyncio.create_task(book.verified.caller(key)) for key in ("a", "b")]
    await asyncio.sleep(0)
    with pytest.raises(TooManyError):
        await book.verified.caller("wrong")
    book.go.set()

    assert [caller.client for caller in await asyncio.gather(*asking)] == ["a", "b"]
