"""Heads and bodies that do not end: each has its time and its bytes, and nothing holds a connection for ever."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from tests.integration.target.doors import JSON, Raw, rpc
from tests.integration.target.test_refusals import rows

PLAIN = "POST /mcp/tools/call HTTP/1.1\r\nhost: 127.0.0.1\r\n"
HEALTH = "GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n"
SOCKET = "GET /mcp/ws HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
SOCKET += "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
# What is sent at first, and again and again (None: nothing); the status of the answer (None: closed without one).
WITHOUT_END = {
    "nothing at all": ("", None, 408),
    "blank lines": ("", "\r\n", 408),
    "a word of the first line": ("PO", None, 408),
    "headers that come slowly": (PLAIN, "a: b\r\n", 408),
    "a header that comes slowly": (PLAIN + "a: ", "b", 408),
    "a body that does not begin": (PLAIN + "content-length: 9\r\n\r\n", None, 408),
    "a body that comes slowly": (PLAIN + "content-length: 1000000\r\n\r\n", "x", 408),
    "chunks without end": (PLAIN + "transfer-encoding: chunked\r\n\r\n", "1\r\nx\r\n", 408),
    "trailers without end": (PLAIN + "transfer-encoding: chunked\r\n\r\n0\r\n", "a: b\r\n", 408),
    "a body that nobody asked for": (HEALTH + "content-length: 1000000\r\n\r\n", "x", 200),
    "the second request": (HEALTH + "\r\nGET", None, 200),
    "blank lines after an answer": (HEALTH + "\r\n", "\r\n", 200),
}
# What is too much at once, and the status.
TOO_MUCH = {
    "a long first line": ("GET /" + "x" * 70_000 + " HTTP/1.1\r\n\r\n", 431),
    "a long header": (HEALTH + "a: " + "x" * 70_000 + "\r\n\r\n", 431),
    "many headers": (HEALTH + "a: b\r\n" * 20_000 + "\r\n", 431),
    "headers without end": (HEALTH + "a: b\r\n" * 20_000, 431),
    "trailers": (PLAIN + "transfer-encoding: chunked\r\n\r\n0\r\n" + "a: b\r\n" * 1_500_000, 413),
    "one trailer": (PLAIN + "transfer-encoding: chunked\r\n\r\n0\r\na: " + "x" * 9_000_000, 413),
    "a WebSocket with a long header": (SOCKET + "a: " + "x" * 9000 + "\r\n\r\n", 400),
    "a WebSocket with many headers": (SOCKET + "a: b\r\n" * 200 + "\r\n", 400),
    "no HTTP": ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 9 + "\r\n\r\n", 400),
}


@pytest.fixture
def at_once(monkeypatch):
    """The limits of time, short."""
    monkeypatch.setattr("harness.reference.connection.HEAD_S", 0.3)
    monkeypatch.setattr("harness.reference.connection.LATER_S", 0.2)
    monkeypatch.setattr("harness.reference.doors.wire.BODY_S", 0.3)


@asynccontextmanager
async def connected(url):
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def until_closed(url, first, again):
    """What the service says until it closes the connection, however long the client goes on."""
    async with asyncio.timeout(60), connected(url) as (reader, writer):

        async def go_on():
            while again is not None:
                await asyncio.sleep(0.02)
                writer.write(again.encode("latin-1"))

        writer.write(first.encode("latin-1"))
        going = asyncio.create_task(go_on())
        said = b""
        try:
            while piece := await reader.read(65536):
                said += piece
        except ConnectionResetError:
            pass  # it was closed with bytes of ours unread
        finally:
            going.cancel()
        return int(said.split()[1]) if said else None


async def test_nothing_that_does_not_end_holds_a_connection(at_once, serve_target, sql, schema):
    """Time: heads, bodies and what comes in between; each is answered, closed, and those refused have a record."""
    url = await serve_target()
    asked = (until_closed(url, first, again) for first, again, _ in WITHOUT_END.values())
    got = dict(zip(WITHOUT_END, await asyncio.gather(*asked), strict=True))

    assert got == {name: status for name, (_, _, status) in WITHOUT_END.items()}
    refused = await rows(sql, schema, "refusals", 9)
    assert {row["kind"] for row in refused} == {"too_slow"}
    assert {row["door"] for row in refused} == {"connection", "plain"}


async def test_what_is_too_much_is_refused_before_its_end(serve_target, sql, schema):
    """Bytes: of heads, of what is sent around a body, and of the head of a WebSocket."""
    url = await serve_target()
    got = {name: await until_closed(url, first, None) for name, (first, _) in TOO_MUCH.items()}

    assert got == {name: status for name, (_, status) in TOO_MUCH.items()}
    assert "too_large" in {row["kind"] for row in await rows(sql, schema, "refusals", len(TOO_MUCH))}


async def test_slow_and_large_within_the_bounds_is_served(serve_target):
    """A request letter by letter, one in chunks, one of nearly 4 MiB, and a second one on the same connection."""
    url = await serve_target()
    body = '{"jsonrpc": "2.0", "id": 1, "method": "list_databases"}'
    whole = PLAIN + f"content-length: {len(body)}\r\n\r\n" + body
    async with connected(url) as (reader, writer):
        for letter in whole:
            writer.write(letter.encode())
            await asyncio.sleep(0)
        assert await answer(reader) == 200
        chunked = "".join(f"1\r\n{letter}\r\n" for letter in body)
        writer.write((PLAIN + "transfer-encoding: chunked\r\n\r\n" + chunked + "0\r\na: b\r\n\r\n").encode())
        assert await answer(reader) == 200
    raw = await Raw.sent(
        url, "/mcp/tools/call", JSON, rpc("wait", {"milliseconds": 1, "_client_id": "x" * 4_000_000})
    )
    assert await raw.status() == 200
    raw.cut()


async def answer(reader):
    """The status of one whole answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split()[1])
