"""Pages of the harness's own, against clients that want to keep others from them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from aiohttp import web

from harness.services.pages import Guests, served

HEAD = b"GET /alive HTTP/1.1\r\nHost: x\r\n\r\n"
WITHIN_S = 20.0


@asynccontextmanager
async def page(guests: Guests, going: asyncio.Event | None = None) -> AsyncIterator[int]:
    """A page that answers when `going` is set, or at once."""

    async def alive(_: web.Request) -> web.Response:
        if going is not None:
            await going.wait()
        return web.Response(text="alive")

    app = web.Application()
    app.router.add_get("/alive", alive)
    async with served(app, "127.0.0.1", 0, guests) as port:
        yield port


class Asked(NamedTuple):
    """A connection; who lets go of its writer closes it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


async def asked(port: int, data: bytes = HEAD) -> Asked:
    one = Asked(*await asyncio.open_connection("127.0.0.1", port))
    one.writer.write(data)
    return one


async def line(one: Asked) -> bytes:
    """The first line; nothing of a connection that was closed."""
    async with asyncio.timeout(WITHIN_S):
        try:
            return await one.reader.readline()
        except ConnectionError:
            return b""


async def test_a_head_that_does_not_end_is_closed() -> None:
    """So is a connection on which nothing is said."""
    async with page(Guests(head_s=0.01)) as port:
        slow, quiet = [await asked(port, data) for data in (HEAD[:-2], b"")]

        assert await line(slow) == await line(quiet) == b""


async def test_a_connection_that_says_no_more_is_closed() -> None:
    """After its answer."""
    async with page(Guests(idle_s=0.01)) as port:
        one = await asked(port)

        assert (await line(one)).startswith(b"HTTP/1.1 200")
        async with asyncio.timeout(WITHIN_S):
            assert (await one.reader.read()).endswith(b"alive")


async def test_whoever_asks_nothing_leaves_for_whoever_asks() -> None:
    """However many they are, and at once: the last one is answered."""
    async with page(Guests(most=3)) as port:
        slow = [await asked(port, HEAD[:-2]) for _ in range(12)]
        one = await asked(port)

        assert (await line(one)).startswith(b"HTTP/1.1 200")
        assert [await line(one) for one in slow[:9]] == [b""] * 9


async def test_whoever_is_being_answered_stays() -> None:
    """The newcomer is closed instead."""
    going = asyncio.Event()
    guests = Guests(most=2)
    async with page(guests, going) as port:
        first, second = await asked(port), await asked(port)
        async with asyncio.timeout(WITHIN_S):
            while [one.answered for one in guests.open.values()] != [True, True]:
                await asyncio.sleep(0.001)
        third = await asked(port)
        assert await line(third) == b""
        going.set()

        assert (await line(first)).startswith(b"HTTP/1.1 200")
        assert (await line(second)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "data",
    [
        b"GET /\0 HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET * HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_400_and_no_traceback(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Anybody can send it: it is no news."""
    with caplog.at_level(logging.DEBUG):
        async with page(Guests()) as port:
            one = await asked(port, data)

            assert b" 400 " in await line(one)
    assert "Traceback" not in caplog.text
