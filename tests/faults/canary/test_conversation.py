"""Canaries in a protocol of their own, to servers that do not speak it: an end with a name, never an exception."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from harness.faults import canary
from harness.faults.canary.evidence import Ask
from harness.foundation.clock import RealClock

FRAME_OF_NO_TYPE = b"\x09\0\0\0\0\0\x01x\xce"
HEARTBEAT = b"\x08\0\0\0\0\0\0\xce"


@asynccontextmanager
async def saying(words: bytes, *, stays: bool) -> AsyncIterator[Callable[[str], str]]:
    """A server that says that, whatever it is asked, and closes the connection or lets it be."""
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)  # what is not read makes the end a reset
        writer.write(words)
        if stays:
            await left.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield lambda scheme: f"{scheme}://u:p@127.0.0.1:{port}/"
    finally:
        left.set()
        server.close()


@pytest.mark.parametrize(
    ("scheme", "words", "stays", "end"),
    [
        ("redis", b"-WRONGPASS\r\n", True, "closed"),
        ("redis", b"+OK\r\n-LOADING\r\n", True, "closed"),
        ("redis", b"+O", False, "closed"),
        ("redis", b"", True, "silent"),
        ("amqp", b"", True, "silent"),
        ("amqp", b"AMQP\0\0\x09\x01", False, "closed"),
        ("amqp", FRAME_OF_NO_TYPE, True, "closed"),
        ("amqp", HEARTBEAT, True, "closed"),
    ],
)
async def test_what_does_not_speak_the_protocol_does_not_answer(
    scheme: str, words: bytes, stays: bool, end: str
) -> None:
    """Through and beside alike; what had come is counted."""
    async with (
        saying(words, stays=stays) as url,
        canary.opened(url(scheme), url(scheme), RealClock()) as canaries,
    ):
        (pair,) = await canaries.pairs(1, Ask(limit_s=0.3 if end == "silent" else 60))

    assert (pair.through.end, pair.beside.end) == (end, end)
    assert pair.through.took_ms is None
    assert pair.through.bytes_in <= len(words)
