"""A server that is coming up is waited for, and one that never comes is not waited for without end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from harness.client import waiting
from harness.services.processes.ports import free_port


@asynccontextmanager
async def answering(*statuses: int) -> AsyncIterator[tuple[str, list[int]]]:
    """A server that answers with one status after the other, and stays with the last; which it has given."""
    given: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        given.append(statuses[min(len(given), len(statuses) - 1)])
        writer.write(b"HTTP/1.1 %d As It Is\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % given[-1])
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp", given


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PAUSE_S_FIRST", 0.001)
    monkeypatch.setattr(waiting, "PAUSE_S_MOST", 0.002)


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_a_server_that_cannot_yet_is_asked_again_and_it_is_said_once(scheme: str) -> None:
    """Whatever else it answers is for the preflight to judge."""
    told: list[str] = []
    async with answering(502, 503, 504, 405) as (place, given):
        await waiting.awaited(f"{scheme}://{place}", 120.0, told.append)

    assert given == [502, 503, 504, 405]
    assert told == ["Waiting up to 2m for the server to come up"]


async def test_one_that_is_there_is_not_waited_for() -> None:
    """Nothing is said."""
    told: list[str] = []
    async with answering(200) as (place, given):
        await waiting.awaited(f"http://{place}", 120.0, told.append)

    assert (given, told) == ([200], [])


async def test_one_that_does_not_come_is_waited_for_as_long_as_was_said() -> None:
    """Then the preflight says that it is not there."""
    told: list[str] = []
    await waiting.awaited(f"http://127.0.0.1:{free_port()}/mcp", 0.02, told.append)

    assert len(told) == 1
