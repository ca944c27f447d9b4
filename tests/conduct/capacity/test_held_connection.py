"""A connection that is held open, of servers that do not speak HTTP as they should, and by the way that was given."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.conduct.capacity.held_connection import BODY_BYTES_MAX, HEAD_BYTES_MAX, encoded, exchanged
from harness.foundation.addresses import route
from harness.foundation.addresses.route import Proxy, Route, Tls
from harness.foundation.clock import RealClock
from harness.mcp.messages import Request
from tests.fakes import doors

ASKED = Request("x", b"{}", (("Content-Type", "application/json"),), None)


@asynccontextmanager
async def saying(answer: bytes) -> AsyncIterator[str]:
    """The URL of what says this to everybody, and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"no HTTP at all\r\n\r\n", "does not speak HTTP"),
        (b"\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 3 * HEAD_BYTES_MAX + b"\r\n\r\n", "head has more"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1), "bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "ended before"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFF\r\n", "bytes"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n", "bytes"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"a" * 3 * HEAD_BYTES_MAX,
            "[Ll]imit|[Ss]eparator",
        ),
    ],
)
async def test_an_answer_that_is_none_is_an_error_of_the_connection(answer: bytes, why: str) -> None:
    """One that `harness idle` shows as unknown, and not a bug; nothing of a body is kept."""
    async with saying(answer) as url:
        with pytest.raises((OSError, ValueError), match=why):
            await exchanged(url, {}, ASKED, RealClock(), 20.0, whole=True)


async def test_a_body_is_passed_over_whatever_its_pieces() -> None:
    """The connection could carry another request."""
    body = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"
    async with saying(body) as url:
        held = await exchanged(url, {}, ASKED, RealClock(), 20.0, whole=True)
        assert (held.status, await held.until_end(20.0)) == (200, "FIN")


@pytest.mark.parts  # openssl makes the certificate
async def test_it_goes_the_way_that_is_in_force(tmp_path: Path) -> None:
    """By certificates that were given, and through a proxy; without them it is refused."""
    certificate, key = doors.certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with doors.behind_tls(context) as server:
        with pytest.raises(ssl.SSLError):
            await exchanged(f"{server.url}/mcp", {}, ASKED, RealClock(), 20.0, whole=False)
        with doors.proxy(server.url, server) as address:
            by = Proxy("127.0.0.1", int(address.rpartition(":")[2]), "me:secret")
            for there, url in (
                (None, f"{server.url}/mcp"),
                (by, f"https://127.0.0.1:{server.url.rpartition(':')[2]}/mcp"),
            ):
                with route.in_force(Route(Tls(ca=str(certificate)), there)):
                    held = await exchanged(url, {}, ASKED, RealClock(), 20.0, whole=False)
                    held.close()
                    assert held.status > 0
            assert server.proxied[0].startswith("CONNECT 127.0.0.1:")
            assert server.proxied[1].startswith("Proxy-Authorization: Basic ")


def test_a_proxy_is_told_the_whole_address() -> None:
    """Of a server behind TLS it hears by a tunnel instead."""
    by = Proxy("127.0.0.1", 3128, "me:secret")
    lines = encoded("http://u:p@a.test:80/mcp?x=1", {}, ASKED, by).split(b"\r\n")
    assert lines[0] == b"POST http://a.test:80/mcp?x=1 HTTP/1.1"
    assert b"Host: a.test:80" in lines
    assert any(line.startswith(b"Proxy-Authorization: Basic ") for line in lines)
    assert encoded("https://a.test/mcp", {}, ASKED, by).startswith(b"POST /mcp HTTP/1.1")
