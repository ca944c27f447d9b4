"""Exchanges over aiohttp: requests of a dialect go out, outcomes come back. No redirects, no retries, deadlines.

It is not for load: one call after the other, readable errors. It hides nothing that the load's
own transport would see: no cookies, no decompression, the same bound on headers. Every exchange has a connection of
its own: one that a server closes after a faulty reply must not fail the next.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import aiohttp

from harness.mcp import outcome
from harness.mcp.exchange import Exchange
from harness.mcp.messages import Reply, Request, answer

T = TypeVar("T")
READ_BYTES = 65_536
HEADER_BYTES_MAX = 65_536
LOOK_S = 0.2


@dataclass(slots=True)
class HttpClient:
    """One server, over HTTP."""

    url: str
    timeout_s: float
    _http: aiohttp.ClientSession = field(repr=False)

    async def exchange(self, request: Request) -> Reply:
        """One attempt, one outcome."""
        exchange = Exchange(request)
        try:
            async with asyncio.timeout(self.timeout_s):
                closed = await self._attempt(request, exchange)
        except TimeoutError:
            return exchange.fail(outcome.TIMEOUT, f"no answer in {self.timeout_s:g} s")
        except aiohttp.ClientConnectorError as error:
            return exchange.fail(outcome.CONNECT, _reason(error))
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError) as error:
            return exchange.fail(_ended_by(error, exchange), str(error))
        except (aiohttp.ClientError, ValueError) as error:
            return exchange.fail(outcome.HTTP_PROTOCOL, getattr(error, "message", "") or str(error))
        return exchange.end(closed=closed)

    async def run(self, sequence: Generator[Request, Reply, T]) -> T:
        """Drive a sequence of exchanges to its end."""
        try:
            request = next(sequence)
            while True:
                request = sequence.send(await self.exchange(request))
        except StopIteration as ended:
            value: T = ended.value
            return value

    async def _attempt(self, request: Request, exchange: Exchange) -> bool:
        """Feed the exchange; whether nothing but the end of the connection ends the body."""
        async with self._http.request(
            request.method, self.url, data=request.body, headers=request.headers, allow_redirects=False
        ) as response:
            headers = response.headers
            exchange.head(response.status, headers.get("content-type", ""), headers.get("mcp-session-id"))
            while chunk := await _read(response):
                if exchange.body(chunk):
                    break
                await self._answer(request, exchange)
            return "content-length" not in headers and "transfer-encoding" not in headers

    async def _answer(self, request: Request, exchange: Exchange) -> None:
        """Whoever asks may wait for it before the response comes."""
        asked, exchange.asked = exchange.asked, []
        if request.in_session:
            for message in asked:
                await self.exchange(Request("answer", answer(message), request.headers, None))


@asynccontextmanager
async def http_client(url: str, timeout_s: float, headers: Mapping[str, str]) -> AsyncIterator[HttpClient]:
    """A client whose connections are closed with it."""
    async with aiohttp.ClientSession(
        headers=dict(headers),
        connector=aiohttp.TCPConnector(force_close=True),
        skip_auto_headers=["User-Agent", "Accept-Encoding"],
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        max_line_size=HEADER_BYTES_MAX,
        max_field_size=HEADER_BYTES_MAX,
    ) as http:
        yield HttpClient(url, timeout_s, http)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The next piece of body. A breach of HTTP that comes after the head fails aiohttp's connection, not its body."""
    while True:
        try:
            async with asyncio.timeout(LOOK_S):
                return await response.content.readany()
        except TimeoutError:
            connection = response.connection
            if connection is not None and connection.protocol is not None and connection.protocol.exception():
                raise ValueError("the body is not HTTP") from None


def _ended_by(error: Exception, exchange: Exchange) -> str:
    """A connection that ended before the reply did."""
    if isinstance(error, aiohttp.ClientPayloadError) or exchange.got_head:
        return outcome.TRUNCATED
    if isinstance(error, aiohttp.ServerDisconnectedError):
        # aiohttp hands over the head as far as it had come.
        return outcome.DISCONNECTED if isinstance(error.message, str) else outcome.TRUNCATED
    return outcome.RESET


def _reason(error: aiohttp.ClientConnectorError) -> str:
    cause = error.os_error
    if cause.errno and cause.errno > 0:  # asyncio's own words name the address, not the reason
        return os.strerror(cause.errno)
    return cause.strerror or str(cause)
