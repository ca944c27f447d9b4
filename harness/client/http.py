"""Exchanges over aiohttp: send a dialect's requests and return outcomes. No redirects, no retries, deadlines.

Not for load: it makes one call after the other, with readable errors. It sees what the load's own transport
would see: no cookies, the same compressions, the same bound on headers. It takes the route that is in force (certificates, proxy).
The headers are read for each request, so that a token among them may be renewed. Every exchange has its own connection, so
that a connection that the server closes after a faulty reply cannot fail the next exchange. A stream that the
server closed for polling is resumed within the deadline of its call.
"""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NotRequired, TypedDict, TypeVar
from urllib.parse import quote

import aiohttp
from yarl import URL

from harness.client import witness
from harness.client.sequence import drive
from harness.client.witness import Glimpse
from harness.foundation.addresses import route, tunnel, unix_socket
from harness.foundation.addresses.connect_errors import said
from harness.foundation.addresses.connector import connector
from harness.foundation.addresses.route import Route
from harness.foundation.clock import within
from harness.mcp import compressed, outcome
from harness.mcp.compressed import CompressedError
from harness.mcp.dialects.handshake import answering
from harness.mcp.exchange import RESUMPTIONS_MAX, Exchange
from harness.mcp.messages import NO_ANSWERS, Answers, Reply, Request, answer
from harness.mcp.stream import NO_STREAM, Stream
from harness.mcp.versions import HTTP2_ONLY, SETTINGS

T = TypeVar("T")
READ_BYTES = 65_536
HEADER_BYTES_MAX = 65_536
LOOK_S = 0.2
AS_WRITTEN = "%/:=&?~+!$,;'@()*[]"


@dataclass(frozen=True, slots=True)
class Head:
    """The status and headers of a response; header names are in lower case."""

    status: int
    headers: Mapping[str, str]


@dataclass(slots=True)
class HttpClient:
    """A client of one server over HTTP."""

    url: str
    timeout_s: float
    _http: aiohttp.ClientSession = field(repr=False)
    _headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    answers: Answers = field(default_factory=dict)
    alt_svc: str = ""  # what the latest reply said of other ways to the server

    async def exchange(self, request: Request) -> Reply:
        """Send one request once and return its outcome."""
        now_s = asyncio.get_running_loop().time
        deadline_s = now_s() + self.timeout_s
        exchange = Exchange(request)
        reply = await self._once(request, exchange, deadline_s)
        for _ in range(RESUMPTIONS_MAX):
            rest = exchange.resumption()
            if rest is None:
                break
            await asyncio.sleep(max(0.0, min(exchange.retry_s, deadline_s - now_s())))
            exchange = Exchange(rest)
            resumed = await self._once(rest, exchange, deadline_s)
            if resumed.status == NO_STREAM:
                break
            reply = resumed
        return reply

    async def listen(self, request: Request, stream: Stream) -> Reply:
        """Feed a stream while it is open; returns how it ended."""
        return await self._once(request, stream, None)

    async def run(self, sequence: Generator[Request, Reply, T]) -> T:
        """Run a sequence of exchanges to its end."""
        return await drive(self.exchange, sequence)

    async def head(self, request: Request) -> Head | None:
        """The status and headers of a response, without its body; None when no response came."""
        now_s = asyncio.get_running_loop().time
        began_s, seen = now_s(), Glimpse()
        head, reply = await self._head(request)
        seen.headers = head.headers if head is not None else {}
        witness.tell(self.url, request, self._headers, reply, now_s() - began_s, seen)
        return head

    async def _head(self, request: Request) -> tuple[Head | None, Reply]:
        try:
            async with (
                asyncio.timeout(self.timeout_s),
                self._sent(request) as response,
            ):
                named = {name.lower(): text for name, text in response.headers.items()}
                return Head(response.status, named), Reply(
                    outcome.OK, "only its head was read", response.status
                )
        except (TimeoutError, OSError, aiohttp.ClientError, ValueError) as error:
            return None, Reply(outcome.DISCONNECTED, str(error) or type(error).__name__)

    def _sent(self, request: Request) -> Any:
        """Send a request, without following a redirect."""
        own = {name.lower() for name, _ in request.headers}
        headers = (
            *((n, text) for n, text in self._headers.items() if n.lower() not in own),
            *request.headers,
        )
        return self._http.request(
            request.method,
            data=request.body,
            allow_redirects=False,
            **asking(self.url, headers, route.current()),
        )

    async def _once(self, request: Request, receiver: Exchange | Stream, deadline_s: float | None) -> Reply:
        now_s = asyncio.get_running_loop().time
        began_s, seen = now_s(), witness.glimpse()
        reply = await self._came_to(request, receiver, deadline_s, seen)
        witness.tell(self.url, request, self._headers, reply, now_s() - began_s, seen)
        return reply

    async def _came_to(
        self, request: Request, receiver: Exchange | Stream, deadline_s: float | None, seen: Glimpse | None
    ) -> Reply:
        try:
            async with asyncio.timeout_at(deadline_s):
                closed = await self._attempt(request, receiver, seen)
        except TimeoutError:
            return receiver.fail(outcome.TIMEOUT, f"no answer in {self.timeout_s:g} s")
        except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError) as error:
            return receiver.fail(outcome.CONNECT, why_unconnected(error))
        except CompressedError as error:
            return receiver.fail(outcome.BAD_BODY, str(error))
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError) as error:
            words = said(error) if isinstance(error, aiohttp.ClientOSError) else str(error)
            return receiver.fail(_ended_by(error, got_head=receiver.got_head), words)
        except (aiohttp.ClientError, ValueError) as error:
            words = getattr(error, "message", "") or str(error)
            return receiver.fail(outcome.HTTP_PROTOCOL, HTTP2_ONLY if _is_http2(error) else words)
        return receiver.end(closed=closed)

    async def _attempt(self, request: Request, receiver: Exchange | Stream, seen: Glimpse | None) -> bool:
        """Feed the receiver; whether nothing but the end of the connection ends the body."""
        async with self._sent(request) as response:
            headers = response.headers
            self.alt_svc = headers.get("alt-svc", "")
            if seen is not None:
                seen.headers = dict(headers)
            receiver.head(response.status, headers.get("content-type", ""), headers.get("mcp-session-id"))
            unpacked = compressed.body(headers.get("content-encoding", ""))
            while chunk := await _read(response):
                if seen is not None:
                    seen.piece(chunk)
                if receiver.body(chunk) if unpacked is None else unpacked.feed(chunk, receiver):
                    break
                await self._answer(request, receiver)
            return "content-length" not in headers and "transfer-encoding" not in headers

    async def _answer(self, request: Request, receiver: Exchange | Stream) -> None:
        """Answer the server's questions now: it may wait for the answers before it sends the response."""
        asked, receiver.asked = receiver.asked, []
        posted_to = receiver.endpoint if isinstance(receiver, Stream) else None
        client = replace(self, url=posted_to or self.url)
        for message in asked if request.in_session else ():
            reply = Request("answer", answer(message, self.answers), answering(request.headers), None)
            await client.exchange(reply)


@asynccontextmanager
async def http_client(
    url: str, timeout_s: float, headers: Mapping[str, str], answers: Answers = NO_ANSWERS
) -> AsyncIterator[HttpClient]:
    """A client that closes its connections at the end of the block."""
    async with aiohttp.ClientSession(
        connector=_connector(url),
        skip_auto_headers=["User-Agent", "Accept-Encoding"],
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        max_line_size=HEADER_BYTES_MAX,
        max_field_size=HEADER_BYTES_MAX,
    ) as http:
        yield HttpClient(url, timeout_s, http, headers, answers)


def _connector(url: str) -> aiohttp.BaseConnector:
    if there := unix_socket.path(url):
        return aiohttp.UnixConnector(there, force_close=True)
    secure = route.current().tls.context() if url.startswith("https:") else True
    return connector(force_close=True, ssl=secure)


class RequestArguments(TypedDict):
    """The arguments of a request to aiohttp, without method and body."""

    url: URL
    headers: tuple[tuple[str, str], ...]
    proxy: NotRequired[str]
    proxy_headers: NotRequired[dict[str, str]]


def asking(url: str, headers: Iterable[tuple[str, str]], by: Route) -> RequestArguments:
    """The arguments of aiohttp for a request: the URL as it is written, and the proxy."""
    plain = unix_socket.plain(url)
    asked: RequestArguments = {
        "url": URL(quote(plain, safe=AS_WRITTEN), encoded=True),
        "headers": tuple(headers),
    }
    if by.proxy is None:
        return asked
    login = tunnel.login(by.proxy)
    if plain.startswith("https:"):
        return {**asked, "proxy": f"http://{by.proxy.origin}", "proxy_headers": dict(login)}
    return {**asked, "proxy": f"http://{by.proxy.origin}", "headers": (*asked["headers"], *login)}


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Read the next piece of the body. After the head, aiohttp reports broken HTTP at the connection."""
    while True:
        try:
            async with within(LOOK_S):
                return await response.content.readany()
        except TimeoutError:
            connection = response.connection
            if connection is not None and connection.protocol is not None and connection.protocol.exception():
                raise ValueError("the body is not HTTP") from None


def _ended_by(error: Exception, *, got_head: bool) -> str:
    """The outcome for a connection that ended before the reply did."""
    if isinstance(error, aiohttp.ClientPayloadError) or got_head:
        return outcome.TRUNCATED
    if isinstance(error, aiohttp.ServerDisconnectedError):
        # The message is a text when nothing came, else the part of the head that came.
        return outcome.DISCONNECTED if isinstance(error.message, str) else outcome.TRUNCATED
    return outcome.RESET


def _is_http2(error: Exception) -> bool:
    """Whether what could not be parsed is HTTP/2: aiohttp quotes it as Python would."""
    return repr(SETTINGS)[2:-1] in str(getattr(error, "message", ""))


def why_unconnected(error: Exception) -> str:
    """Why there is no connection, in words that say what to do about it."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answers {error.status} {error.message}".rstrip()
    cause: BaseException = (
        getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    )
    return said(cause)
