"""The balancer as a process between real sockets: byte for byte, drained without a loss, and sessions counted."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from harness.run_directory.undo import UndoJournal
from harness.services.balancer.control import Balancer, balanced
from harness.services.balancer.routing import Balance, State

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Reply = Callable[["Server", bytes, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """A process of the target, in the test: it answers each request with `reply`."""

    name: str
    reply: Reply
    heads: list[bytes] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)  # a client has hung up
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                await self.reply(self, self.heads[-1], writer)
                if b"Upgrade" in self.heads[-1]:
                    while data := await reader.read(1000):
                        writer.write(data.upper())
        except (asyncio.IncompleteReadError, ConnectionError):
            self.left.set()
        finally:
            writer.close()


async def plainly(server: Server, head: bytes, writer: asyncio.StreamWriter) -> None:
    """Its name."""
    body = server.name.encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


@dataclass
class Setting:
    """A balancer, and servers behind it."""

    balancer: Balancer
    servers: list[Server]

    async def ask(self, request: bytes = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") -> bytes:
        """One exchange on a connection of its own; all bytes of the reply up to a content length, or the end."""
        async with self.connected() as (reader, writer):
            return await exchanged(reader, writer, request)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.balancer.port)
        try:
            yield reader, writer
        finally:
            writer.close()


async def exchanged(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    return head + await reader.readexactly(int(length[0].split(b":")[1])) if length else head


@pytest_asyncio.fixture
async def opened(tmp_path: Path, undo: UndoJournal) -> AsyncIterator[Callable[..., Awaitable[Setting]]]:
    """Opens a setting: two servers with this reply."""
    del undo
    async with AsyncExitStack() as stack:

        async def open_setting(balance: Balance, reply: Reply = plainly, count: int = 2) -> Setting:
            balancer = await stack.enter_async_context(balanced(tmp_path, balance))
            servers = []
            for name in ("a", "b")[:count]:
                server = Server(name, reply)
                listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
                stack.callback(listening.close)
                await balancer.join(name, "127.0.0.1", listening.sockets[0].getsockname()[1])
                servers.append(server)
            return Setting(balancer, servers)

        yield open_setting


async def test_requests_go_by_turns_also_on_one_connection(opened: Callable[..., Awaitable[Setting]]) -> None:
    """What a server gets is what the client sent, byte for byte."""
    setting = await opened(Balance.REQUESTS)
    request = b"GET /x?y HTTP/1.1\r\nHost: x\r\nOdd:  spaces \r\n\r\n"
    async with setting.connected() as (reader, writer):
        replies = [(await exchanged(reader, writer, request))[-1:] for _ in range(6)]
    assert sorted(replies) == [b"a"] * 3 + [b"b"] * 3
    assert {head for server in setting.servers for head in server.heads} == {request}
    status = await setting.balancer.status()
    assert [each.requests for each in status.members] == [3, 3]
    assert [each.in_flight for each in status.members] == [0, 0]


async def test_bodies_pass_in_pieces_in_chunks_and_pipelined(
    opened: Callable[..., Awaitable[Setting]],
) -> None:
    """A reply in chunks, in two writes, then another request that was already there."""

    async def in_chunks(server: Server, head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n")
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(b"ok\r\n0\r\n\r\n")

    setting = await opened(Balance.REQUESTS, in_chunks)
    one = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    async with setting.connected() as (reader, writer):
        writer.write(one[:10])
        await writer.drain()
        writer.write(one[10:] + one)
        assert await reader.readexactly(2 * len(reply)) == 2 * reply


async def test_a_websocket_is_joined_until_one_side_ends(opened: Callable[..., Awaitable[Setting]]) -> None:
    """It is not waited for when its process is drained, and goes on meanwhile."""

    async def switching(server: Server, head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")

    setting = await opened(Balance.SESSION, switching, count=1)
    async with setting.connected() as (reader, writer):
        await exchanged(
            reader, writer, b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        )
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"HELLO"
        await setting.balancer.drain("a", within_s=60)
        writer.write(b"still")
        assert await reader.readexactly(5) == b"STILL"
    await asyncio.wait_for(setting.servers[0].left.wait(), 20)
    assert (await setting.balancer.status()).cut == 0


async def test_draining_waits_for_a_call_and_sends_nothing_new(
    opened: Callable[..., Awaitable[Setting]],
) -> None:
    """The call is answered; others go elsewhere meanwhile; then the place is taken by another process."""

    async def when_told(server: Server, head: bytes, writer: asyncio.StreamWriter) -> None:
        if server.name == "a":
            await server.go_on.wait()
        await plainly(server, head, writer)

    setting = await opened(Balance.REQUESTS, when_told)
    a = setting.servers[0]
    slow = asyncio.ensure_future(setting.ask())
    while not a.heads:
        await asyncio.sleep(0.005)
    draining = asyncio.ensure_future(setting.balancer.drain("a", within_s=60))
    assert {(await setting.ask())[-1:] for _ in range(4)} == {b"b"}
    assert not draining.done()
    a.go_on.set()
    assert (await slow)[-1:] == b"a"
    await draining
    status = await setting.balancer.status()
    assert [each.state for each in status.members] == [State.AWAY, State.SERVES]
    assert (status.cut, status.refused) == (0, 0)


async def test_where_no_process_accepts_the_connection_is_closed(
    opened: Callable[..., Awaitable[Setting]],
) -> None:
    """One that refuses is passed over without a loss, as long as another is there."""
    setting = await opened(Balance.REQUESTS)
    await setting.balancer.join("a", "127.0.0.1", 1)
    assert {(await setting.ask())[-1:] for _ in range(4)} == {b"b"}
    await setting.balancer.join("b", "127.0.0.1", 1)
    with pytest.raises(asyncio.IncompleteReadError):
        await setting.ask()
    assert (await setting.balancer.status()).refused == 1


async def test_a_client_that_leaves_is_gone_for_the_server_too(
    opened: Callable[..., Awaitable[Setting]],
) -> None:
    """In the middle of a call; its process is free again."""

    async def never(server: Server, head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")

    setting = await opened(Balance.REQUESTS, never, count=1)
    async with setting.connected() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
    await asyncio.wait_for(setting.servers[0].left.wait(), 20)
    assert (await setting.balancer.status()).members[0].in_flight == 0


async def test_a_process_that_ends_a_call_in_the_middle_has_cut_it(
    opened: Callable[..., Awaitable[Setting]],
) -> None:
    async def half(server: Server, head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
        writer.close()

    setting = await opened(Balance.REQUESTS, half, count=1)
    with pytest.raises(asyncio.IncompleteReadError):
        await setting.ask()
    assert (await setting.balancer.status()).cut == 1


@pytest.mark.parametrize(("balance", "elsewhere"), [(Balance.SESSION, 0), (Balance.REQUESTS, 1)])
async def test_sessions_are_known_by_their_header(
    opened: Callable[..., Awaitable[Setting]], balance: Balance, elsewhere: int
) -> None:
    """Each server knows its own only; by session nothing is lost, by turns it is, and counted."""

    async def with_sessions(server: Server, head: bytes, writer: asyncio.StreamWriter) -> None:
        if b"Mcp-Session-Id" not in head:
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nmcp-session-id: of-%b\r\n\r\n"
                % server.name.encode()
            )
        elif b"of-%b" % server.name.encode() in head:
            writer.write(OK)
        else:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    setting = await opened(balance, with_sessions)
    reply = await setting.ask(b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
    session = reply.partition(b"session-id: ")[2].partition(b"\r\n")[0]
    request = b"POST / HTTP/1.1\r\nContent-Length: 0\r\nMcp-Session-Id: %b\r\n\r\n" % session
    codes = [(await setting.ask(request)).split(b" ")[1] for _ in range(4)]
    assert (b"404" in codes) == bool(elsewhere)
    status = await setting.balancer.status()
    assert (status.elsewhere, status.replaced, status.forgotten) == (elsewhere, 0, 0)


async def test_what_is_no_request_is_refused(opened: Callable[..., Awaitable[Setting]]) -> None:
    setting = await opened(Balance.REQUESTS)
    assert (await setting.ask(b"\x16\x03\x01\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
    assert not any(server.heads for server in setting.servers)
