"""Names are looked up once: what they stand for afterwards is nobody's business."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from harness.client.http import http_client
from harness.client.socket import socket_client
from harness.foundation.addresses import resolved
from harness.foundation.addresses.address import read
from harness.foundation.addresses.judging import Wanted
from harness.foundation.addresses.vetting import VettedAddresses, vet
from harness.foundation.errors import UsageError
from harness.mcp import outcome
from harness.mcp.messages import Reply, Request
from harness.services.processes import readiness

LOOK = Request("health", b"", (), None, "GET", b"ok")


class Rebinding:
    """A resolver that says something else each time."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = iter(answers)
        self.asked: list[str] = []

    def __call__(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        return next(self.answers)


def vetted(resolver: Rebinding, *urls: str, allowed: tuple[str, ...] = ()) -> VettedAddresses:
    return vet([Wanted(read(url, ("http", "https"))) for url in urls], allowed, resolver)


@pytest.fixture(autouse=True)
def _no_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks the system for a name here fails the test."""
    numbers = socket.getaddrinfo

    def refuse(host: object, *args: object, **more: object) -> object:
        assert host is None or not str(host).endswith(".test"), f"{host} was looked up again"
        return numbers(host, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@asynccontextmanager
async def server(host: str = "127.0.0.1") -> AsyncIterator[tuple[int, list[bytes]]]:
    """A port, and the heads of what was asked there."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, host, 0)
    try:
        yield listening.sockets[0].getsockname()[1], heads
    finally:
        listening.close()


def test_a_name_is_looked_up_once_however_often_it_is_wanted() -> None:
    """The second answer, which would have been accepted for nothing, is never heard."""
    resolver = Rebinding(("127.0.0.1",), ("203.0.113.9",))
    found = vetted(resolver, "http://rebound.test/a", "https://REBOUND.test:8/b", "http://rebound.test.")

    assert resolver.asked == ["rebound.test"]
    assert found == {"rebound.test": ("127.0.0.1",)}
    with pytest.raises(UsageError, match="is not this machine"):
        vetted(resolver, "http://rebound.test/")


async def test_every_client_goes_to_the_address_that_was_vetted_and_says_the_name() -> None:
    """Preflight, WebSocket, readiness, canaries: by number, with the Host header that the user wrote."""
    async with server() as (port, heads):
        url = f"http://rebound.test:{port}"
        with resolved.in_force(vetted(Rebinding(("127.0.0.1",)), url)):
            async with http_client(f"{url}/mcp", 5, {}) as client:
                assert (await client.exchange(LOOK)).outcome == outcome.OK
            async with socket_client(f"ws://rebound.test:{port}/", 5, {}) as refused:
                assert isinstance(refused, Reply)
                assert refused.outcome != outcome.CONNECT
            assert await readiness.url(f"{url}/ready").check() is None
            assert await resolved.by_number(f"redis://me:p%40w@rebound.test:{port}/0") == (
                f"redis://me:p%40w@127.0.0.1:{port}/0"
            )
        assert len(heads) == 3
        assert all(f"Host: rebound.test:{port}\r\n".encode() in head for head in heads)


async def test_what_was_not_vetted_is_not_connected_to() -> None:
    """A name, or a number that no name stood for; this machine is always there."""
    async with server() as (port, heads):
        with resolved.in_force({"lab.test": ("192.0.2.1",)}):
            for host in ("other.test", "203.0.113.9", "0.0.0.0", "169.254.169.254"):
                with pytest.raises(PermissionError, match="checked before the run"):
                    await resolved.addresses(host)
            async with http_client(f"http://other.test:{port}/", 5, {}) as client:
                reply = await client.exchange(LOOK)
            assert reply.outcome == outcome.CONNECT
            assert await resolved.addresses("192.0.2.1") == ("192.0.2.1",)
            _, writer = await resolved.connection("127.0.0.1", port)
            writer.close()
        assert heads == []


async def test_of_several_addresses_the_first_that_answers_is_taken() -> None:
    """As `localhost` has two, and most servers listen at one."""
    async with server() as (port, heads):
        with resolved.in_force({"two.test": ("127.0.0.9", "127.0.0.1")}):
            async with http_client(f"http://two.test:{port}/", 5, {}) as client:
                assert (await client.exchange(LOOK)).outcome == outcome.OK
            assert await resolved.by_number(f"http://two.test:{port}") == f"http://127.0.0.1:{port}"
        assert len(heads) == 1


async def test_a_certificate_is_checked_by_the_name() -> None:
    """TLS is told the name, not the number."""
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    listening = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    port = listening.sockets[0].getsockname()[1]
    try:
        with resolved.in_force({"secure.test": ("127.0.0.1",)}):
            async with http_client(f"https://secure.test:{port}/", 5, {}) as client:
                assert (await client.exchange(LOOK)).outcome != outcome.OK
            async with socket_client(f"wss://secure.test:{port}/", 5, {}) as refused:
                assert isinstance(refused, Reply)
        assert asked == ["secure.test", "secure.test"]
    finally:
        listening.close()


async def test_what_a_certificate_proves_keeps_its_name() -> None:
    """Through a number it would not be valid; who answers has to prove that it is the one."""
    with resolved.in_force({"db.test": ("127.0.0.1",)}):
        for url, kept in (
            ("rediss://db.test/0", True),
            ("amqps://db.test/", True),
            ("postgresql://db.test/x?sslmode=verify-full", True),
            ("postgresql://db.test/x?sslmode=require", False),
            ("unix:///tmp/redis", True),
        ):
            assert (await resolved.by_number(url) == url) is kept, url
