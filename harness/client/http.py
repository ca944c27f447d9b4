"""Exchanges over aiohttp: requests of a dialect go out, outcomes come back. No redirects, no retries, deadlines.

It is not for load: one connection pool, one call after the other, readable errors.
"""

import asyncio
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import aiohttp

from harness.mcp import outcome
from harness.mcp.exchange import Exchange
from harness.mcp.messages import Reply, Request

T = TypeVar("T")
READ_BYTES = 65_536


@dataclass(slots=True)
class HttpClient:
    """One server, over HTTP."""

    url: str
    timeout_s: float
    _http: aiohttp.ClientSession = field(repr=False)

    async def exchange(self, request: Request, *, session: bool = False) -> Reply:
        """One attempt, one outcome."""
        exchange = Exchange(request, session=session)
        try:
            async with asyncio.timeout(self.timeout_s):
                await self._attempt(request, exchange)
        except (TimeoutError, aiohttp.ServerTimeoutError):
            return exchange.fail(outcome.TIMEOUT, f"no answer in {self.timeout_s:g} s")
        except aiohttp.ClientConnectorError as error:
            return exchange.fail(outcome.CONNECT, error.os_error.strerror or str(error.os_error))
        except aiohttp.ServerDisconnectedError:
            return exchange.fail(outcome.DISCONNECTED, "closed before any reply")
        except aiohttp.ClientPayloadError:
            return exchange.fail(outcome.TRUNCATED, "closed in the middle of a reply")
        except aiohttp.ClientOSError as error:
            return exchange.fail(outcome.RESET, error.strerror or "reset")
        except (aiohttp.ClientResponseError, aiohttp.InvalidURL, ValueError) as error:
            return exchange.fail(outcome.HTTP_PROTOCOL, getattr(error, "message", "") or str(error))
        return exchange.end()

    async def run(self, sequence: Generator[Request, Reply, T], *, session: bool = False) -> T:
        """Drive a sequence of exchanges to its end."""
        try:
            request = next(sequence)
            while True:
                request = sequence.send(await self.exchange(request, session=session))
        except StopIteration as ended:
            value: T = ended.value
            return value

    async def _attempt(self, request: Request, exchange: Exchange) -> None:
        async with self._http.request(
            request.method, self.url, data=request.body, headers=request.headers, allow_redirects=False
        ) as response:
            session_id = response.headers.get("mcp-session-id")
            exchange.head(response.status, response.headers.get("content-type", "").lower(), session_id)
            async for chunk in response.content.iter_chunked(READ_BYTES):
                if exchange.body(chunk):
                    return


@asynccontextmanager
async def http_client(url: str, timeout_s: float, headers: Mapping[str, str]) -> AsyncIterator[HttpClient]:
    """A client whose connections are closed with it."""
    async with aiohttp.ClientSession(headers=dict(headers), skip_auto_headers=["User-Agent"]) as http:
        yield HttpClient(url, timeout_s, http)
