"""Clients that do not behave, at real servers: each does what it says, counts it, and leaves nothing open."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from harness.faults.rude_clients import MANNERS
from harness.faults.rude_clients.client import McpEndpoint, RudeClient
from harness.faults.rude_clients.crowd import Crowd, Manner
from harness.faults.rude_clients.malformed import BODIES, KINDS
from harness.foundation.clock import RealClock
from harness.scenario.catalogue import RUDE
from tests.fakes.mcp_server import mcp_server

SHOWN_S = 60.0


def crowd(how: str | Manner, url: str, *, clients: int = 3, size: int = 200_000, protocol: str = "") -> Crowd:
    manner = MANNERS[how] if isinstance(how, str) else how
    return Crowd(manner, McpEndpoint(url, protocol or "2025-11-25"), clients, 0.02, size, RealClock())


async def until(crowd: Crowd, **counts: int) -> None:
    """As often as that, each of them."""
    async with asyncio.timeout(SHOWN_S):
        while any(crowd.counts[name] < count for name, count in counts.items()):
            await asyncio.sleep(0.01)


@asynccontextmanager
async def here(
    how: str | Manner, url: str, *, clients: int = 3, size: int = 200_000, protocol: str = ""
) -> AsyncIterator[Crowd]:
    """While it misbehaves; gone afterwards, with nothing open."""
    rude = crowd(how, url, clients=clients, size=size, protocol=protocol)
    await rude.come()
    try:
        yield rude
    finally:
        await rude.go()
        assert rude.open == 0
        await rude.go()


@asynccontextmanager
async def server(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """One that does as it is told with every connection."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    serving = await asyncio.start_server(one, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{serving.sockets[0].getsockname()[1]}/mcp"
    finally:
        serving.close()


def test_every_manner_of_the_catalogue_is_there_and_no_other() -> None:
    """The words that a user may write."""
    assert tuple(MANNERS) == RUDE


WHOLE = [
    # how, counts that it comes to at a server that is in order, counts that it must not come to
    ("disconnect", {"cut": 6}, ("hung_up_on",)),
    ("slow_send", {"dripped": 12}, ("hung_up_on",)),
    ("never_read", {"unread": 3, "asked": 20}, ("hung_up_on",)),
    ("malformed", {"sent": 3 * len(KINDS), "rejected": 3 * len(BODIES)}, ("server_errors", "silent")),
    ("oversized", {"sent": 6}, ("server_errors", "silent")),
    ("expired", {"reused": 10, "rejected": 10, "ended": 2}, ("accepted", "server_errors")),
    ("sessions", {"opened": 6}, ("refused", "ended")),
]


@pytest.mark.parametrize(("how", "counts", "never"), WHOLE, ids=[row[0] for row in WHOLE])
async def test_each_does_what_it_says_at_a_server_of_the_official_sdk(
    how: str, counts: dict[str, int], never: tuple[str, ...]
) -> None:
    """Proved by what it counted, act by act; and the server still answers."""
    async with mcp_server() as url:
        async with here(how, url) as rude:
            assert await rude.shown(SHOWN_S)
            await until(rude, **counts)
            assert {name: rude.counts[name] for name in never} == dict.fromkeys(never, 0)
        async with here("sessions", url, clients=1) as polite:
            await until(polite, opened=1)


async def test_what_was_opened_is_ended_when_they_go() -> None:
    """As many sessions as were opened, each by its DELETE."""
    async with mcp_server() as url:
        async with here("sessions", url) as rude:
            await until(rude, opened=6)
        ended = rude.counts["ended"]

    assert ended == rude.counts["opened"] >= 6
    assert rude.counts["not_ended"] == 0


async def test_clients_without_a_session_misbehave_as_well() -> None:
    """2026-07-28 and plain JSON-RPC have none to open first."""
    async with mcp_server() as url:
        for protocol in ("2026-07-28", "plain"):
            async with here("disconnect", url, protocol=protocol) as rude:
                await until(rude, cut=3)


async def falls_over(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def does_not_mind(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    await writer.drain()


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del reader, writer


async def refuses_early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def takes_one_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await falls_over(reader, writer)
    await asyncio.Event().wait()


ODD = [
    (falls_over, "malformed", "server_errors"),
    (does_not_mind, "malformed", "accepted"),
    (hangs_up, "malformed", "hung_up_on"),
    (hangs_up, "slow_send", "hung_up_on"),
    (refuses_early, "oversized", "rejected"),
    (falls_over, "sessions", "refused"),
    (falls_over, "expired", "refused"),
    (does_not_mind, "expired", "refused"),
    (hangs_up, "disconnect", "refused"),
]


@pytest.mark.parametrize(
    ("answer", "how", "counted"), ODD, ids=[f"{row[0].__name__}-{row[1]}" for row in ODD]
)
async def test_what_a_server_makes_of_it_has_its_name(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], how: str, counted: str
) -> None:
    """A server's own trouble is told from a refusal."""
    async with server(answer) as url, here(how, url, size=3_000_000) as rude:
        await until(rude, **{counted: 2})


async def test_a_client_has_enough_of_sessions_some_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are kept in mind, to be ended: a bound on that."""
    monkeypatch.setattr("harness.faults.rude_clients.sessions.SESSIONS_MOST", 2)
    async with mcp_server() as url, here("sessions", url, clients=2) as rude:
        await until(rude, had_enough=4)

    assert rude.counts["opened"] == rude.counts["ended"] == 4


class Forgetful:
    """Opens sessions, and does with those that were ended as it is told."""

    def __init__(self, after: bytes) -> None:
        self.after = after

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        body = await reader.readexactly(int(found[1])) if found else b""
        if b'"initialize"' in body:
            result = b'{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25"}}'
            said = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id: s1\r\n"
            writer.write(b"%bContent-Length: %d\r\n\r\n%b" % (said, len(result), result))
        elif b"tools/list" in body:
            number = re.search(rb'"id":(\d+)', body)
            writer.write(self.after.replace(b"ID", number[1] if number else b""))
        else:
            writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()


AFTER = [
    (b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"jsonrpc":"2.0","id":ID,"result":{}}', "accepted"),
    (b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n", "rejected"),
    (b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", "server_errors"),
    (b"", "hung_up_on"),
]  # fmt: skip


@pytest.mark.parametrize(("after", "counted"), AFTER, ids=[row[1] for row in AFTER])
async def test_a_session_that_lives_on_after_its_end_is_seen(after: bytes, counted: str) -> None:
    """And everything else that a server may do with it."""
    async with server(Forgetful(after)) as url, here("expired", url) as rude:
        await until(rude, **{counted: 5})

    assert rude.counts["reused"] == rude.counts[counted]


async def test_a_server_that_takes_nothing_more_is_held_as_it_is() -> None:
    """Requests pile up on a connection until a second passes without one."""
    manner = Manner(_flood, "stalled")
    async with server(takes_one_request) as url, here(manner, url, clients=1, protocol="plain") as rude:
        await until(rude, stalled=1)


async def _flood(client: RudeClient) -> None:
    """Never read, with far more at once than any buffer takes."""
    client.door.headers["X-Padding"] = "x" * 60_000  # type: ignore[index]
    await MANNERS["never_read"].act(client)


async def test_a_server_that_is_not_there_shows_nothing() -> None:
    """Nothing is proved, nothing is raised."""
    async with server(hangs_up) as url:
        pass
    async with here("malformed", url) as rude:
        await until(rude, hung_up_on=3)
        assert not await rude.shown(0.1)


async def test_an_act_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the next one begins."""
    monkeypatch.setattr("harness.faults.rude_clients.crowd.ACT_S", 0.05)

    async def waits(client: RudeClient) -> None:
        await client.connect()
        await asyncio.Event().wait()

    async with mcp_server() as url, here(Manner(waits, "silent"), url) as rude:
        await until(rude, silent=6)


async def test_a_mistake_of_our_own_is_heard() -> None:
    """It is no finding about the server."""

    async def mistaken(client: RudeClient) -> None:
        client.counts["tried"] += 1
        raise ValueError("a mistake")

    rude = crowd(Manner(mistaken, "tried"), "http://127.0.0.1:9/mcp")
    await rude.come()
    await until(rude, tried=3)
    with pytest.raises(ValueError, match="a mistake"):
        await rude.go()
    assert rude.open == 0
