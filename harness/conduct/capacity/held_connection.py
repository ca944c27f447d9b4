"""One raw HTTP connection that is left alone: what came last on it, when it ended, and how.

An end (FIN) is a peer that has closed in order, a reset (RST) one that has not. Nothing at all is silence: a peer that is
gone without a word looks like that until something is sent.
"""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from harness.foundation.addresses import resolved, route, tunnel
from harness.foundation.addresses.route import Proxy, Route
from harness.foundation.clock import Clock
from harness.foundation.units import NS_PER_S
from harness.mcp.messages import Request

READ_BYTES: Final = 65_536
HEAD_BYTES_MAX: Final = 65_536
BODY_BYTES_MAX: Final = 100_000_000
PORTS: Final = {"http": 80, "https": 443}
How = Literal["FIN", "RST"]


@dataclass(slots=True)
class HeldConnection:
    """An open connection, after one exchange."""

    status: int
    head: bytes
    _reader: asyncio.StreamReader = field(repr=False)
    _writer: asyncio.StreamWriter = field(repr=False)
    _clock: Clock = field(repr=False)
    last_ns: int = 0  # when the last byte came
    bytes_in: int = 0  # since the exchange
    pieces: int = 0

    async def until_end(self, within_s: float) -> How | None:
        """Read what comes, until the peer ends it or the time is over; return how it ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                try:
                    while data := await self._reader.read(READ_BYTES):
                        self.last_ns, self.bytes_in = self._clock.now_ns(), self.bytes_in + len(data)
                        self.pieces += 1
                except OSError:
                    return "RST"
                return "FIN"
        return None

    def close(self) -> None:
        self._writer.close()


async def exchanged(
    url: str, headers: Mapping[str, str], request: Request, clock: Clock, timeout_s: float, *, whole: bool
) -> HeldConnection:
    """Send a request on a connection of its own, read the head of the answer (`whole`: the answer), and keep it open."""
    way_there = route.current()
    async with asyncio.timeout(timeout_s):
        reader, writer = await _connected(url, way_there)
        try:
            writer.write(encoded(url, headers, request, way_there.proxy))
            head = await _head(reader)
            status = _status(head)
            if whole:
                await _body(reader, head)
        except BaseException:
            writer.close()
            raise
    return HeldConnection(status, head, reader, writer, clock, last_ns=clock.now_ns())


async def _connected(url: str, by: Route) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the server, or by the proxy that leads to it."""
    where = urlsplit(url)
    host, port = where.hostname or "", where.port or PORTS[where.scheme]
    secure = by.tls.context() if where.scheme == "https" else None
    if by.proxy is None:
        return await _opened(host, port, secure)
    reader, writer = await _opened(by.proxy.host, by.proxy.port, None)
    if secure is not None:
        try:
            writer.write(tunnel.request(by.proxy, host, port))
            tunnel.check(await _head(reader))
            await writer.start_tls(secure, server_hostname=host)
        except BaseException:
            writer.close()
            raise
    return reader, writer


async def _opened(
    host: str, port: int, secure: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    failed: OSError = ConnectionRefusedError(f"{host} has no address")
    for address in await resolved.addresses(host):
        try:
            return await asyncio.open_connection(
                address, port, ssl=secure, server_hostname=host if secure else None, limit=HEAD_BYTES_MAX
            )
        except OSError as error:
            failed = error
    raise failed


async def _head(reader: asyncio.StreamReader) -> bytes:
    """Read the head of an answer; ValueError when it is too long."""
    try:
        return await reader.readuntil(tunnel.END)
    except asyncio.LimitOverrunError:
        raise ValueError(f"its head has more than {HEAD_BYTES_MAX:,} bytes") from None


def _status(head: bytes) -> int:
    version, _, rest = head.partition(b" ")
    status = rest[:3]
    if not version.startswith(b"HTTP/1.") or not status.isdigit():
        raise ValueError("what answers does not speak HTTP/1.1")
    return int(status)


async def _body(reader: asyncio.StreamReader, head: bytes) -> None:
    """Read the body of an answer, and keep nothing of it, so that the connection could carry another request."""
    fields = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
    }
    if length := fields.get(b"content-length"):
        await _passed_over(reader, _size(length, 10))
    elif fields.get(b"transfer-encoding", b"").lower() == b"chunked":
        while size := _size((await reader.readline()).split(b";")[0], 16):
            await _passed_over(reader, size + 2)
        await reader.readline()


def _size(text: bytes, base: int) -> int:
    size = int(text, base)
    if not 0 <= size <= BODY_BYTES_MAX:
        raise ValueError(f"its body is said to have {size:,} bytes; {BODY_BYTES_MAX:,} are read at most")
    return size


async def _passed_over(reader: asyncio.StreamReader, size: int) -> None:
    while size > 0:
        piece = await reader.read(min(size, READ_BYTES))
        if not piece:
            raise ConnectionError("the connection ended before the body did")
        size -= len(piece)


def encoded(url: str, headers: Mapping[str, str], request: Request, proxy: Proxy | None = None) -> bytes:
    """The request as bytes; a proxy is told the whole address, unless a tunnel leads through it."""
    where = urlsplit(url)
    target = (where.path or "/") + (f"?{where.query}" if where.query else "")
    if proxy is not None and where.scheme == "http":
        headers = {**headers, **dict(tunnel.login(proxy))}
        target = f"http://{where.netloc.rpartition('@')[2]}{target}"
    own = {name.lower() for name, _ in request.headers}
    given = [(name, value) for name, value in headers.items() if name.lower() not in own]
    lines = [("Host", where.netloc.rpartition("@")[2]), *given, *request.headers]
    if request.body:
        lines.append(("Content-Length", str(len(request.body))))
    shown = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return f"{request.method} {target} HTTP/1.1\r\n{shown}\r\n".encode("latin-1") + request.body


def seconds(later_ns: int, earlier_ns: int) -> float:
    return (later_ns - earlier_ns) / NS_PER_S
