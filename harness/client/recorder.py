"""A proxy in front of a server, which passes everything on as it is and keeps what clients asked for.

    client --> 127.0.0.1:PORT (here) --> the server

Bytes of bodies and streams are not changed and go on when they come; of the headers only those of the connection itself and
`Host` are (a server that checks it has to see its own). It keeps method, parameters and times of requests, in memory, within
bounds: never a reply, and of headers only their names.
"""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from aiohttp import web
from yarl import URL

from harness.foundation.addresses.connector import connector
from harness.foundation.errors import UsageError
from harness.foundation.secrets.hiding import learn_passing
from harness.foundation.secrets.sources import SECRET
from harness.foundation.untrusted.documents import DocumentError, json_value
from harness.mcp.json_object import JsonObject
from harness.scenario.recording import Seen

REQUESTS_MOST: Final = 10_000
BODY_BYTES_MOST: Final = 16_000_000
BODIES_BYTES_MOST: Final = 64_000_000  # of all that is kept
CONNECTION: Final = frozenset(
    [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "host",
        "content-length",
    ]
)
SESSION: Final = "mcp-session-id"
CLIENT_INFO: Final = "io.modelcontextprotocol/clientInfo"


@dataclass(slots=True)
class Recorder:
    """The requests that were recorded so far."""

    target: str
    requests: list[Seen] = field(default_factory=list)
    header_names: list[dict[str, str]] = field(default_factory=list)
    protocol: str = ""
    listens: bool = False
    dropped: int = 0  # beyond the bounds
    failed: int = 0  # requests that the server could not be reached for
    _kept_bytes: int = 0
    _clients: dict[str, str] = field(default_factory=dict)  # session -> the client's name

    def asked(self, request: web.Request, body: bytes) -> JsonObject | None:
        """Note the headers of a request, and learn their secrets; return its message, if it is one request of JSON-RPC."""
        for name, value in request.headers.items():
            if SECRET.search(name) and name.lower() != SESSION:
                for word in (value, *value.split()):
                    learn_passing(word)  # an argument may repeat it
        names = {str(name): "" for name in request.headers}  # aiohttp has a type of its own for them
        if names not in self.header_names and len(self.header_names) < 100:
            self.header_names.append(names)
        self.protocol = request.headers.get("MCP-Protocol-Version", self.protocol)
        if request.method == "GET" and "text/event-stream" in request.headers.get("Accept", ""):
            self.listens = True
        try:
            message = json_value(body.decode()) if request.method == "POST" and body else None
        except (DocumentError, UnicodeDecodeError):
            return None
        return message if isinstance(message, dict) and isinstance(message.get("method"), str) else None

    def answered(
        self, request: web.Request, message: JsonObject, size: int, began_s: float, opened: str
    ) -> None:
        """Keep a request whose reply is complete; `opened` is the session that the reply named."""
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        session = request.headers.get("Mcp-Session-Id", "") or opened
        client = self._client(message["method"], params, session, request)
        if "id" not in message:
            return
        if len(self.requests) >= REQUESTS_MOST or self._kept_bytes + size > BODIES_BYTES_MOST:
            self.dropped += 1
            return
        self._kept_bytes += size
        self.requests.append(Seen(session, client, message["method"], params, began_s, time.monotonic()))

    def _client(self, method: str, params: JsonObject, session: str, request: web.Request) -> str:
        meta = params.get("_meta")
        info: Any = params.get("clientInfo") if method == "initialize" else None
        info = info or (meta.get(CLIENT_INFO) if isinstance(meta, dict) else None)
        if isinstance(info, dict) and isinstance(info.get("name"), str):
            self._clients[session] = info["name"]
        return self._clients.get(session) or request.headers.get("User-Agent", "client").partition("/")[0]


@asynccontextmanager
async def recording_proxy(target: str, host: str, port: int) -> AsyncIterator[tuple[Recorder, str]]:
    """The recorder and the URL where clients come in, while it runs; the address of `target` has been vetted."""
    parts = urlsplit(target)
    origin = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "", "", ""))
    recorder = Recorder(target)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
    async with aiohttp.ClientSession(
        connector=connector(limit=0),
        timeout=timeout,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    ) as upstream:

        async def handle(request: web.Request) -> web.StreamResponse:
            return await _passed_on(request, recorder, upstream, origin)

        application = web.Application(client_max_size=BODY_BYTES_MOST)
        application.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5, handler_cancellation=True)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            try:
                await site.start()
            except OSError as error:
                raise UsageError(
                    f"Cannot listen at {host}:{port}",
                    error.strerror or str(error),
                    "Give another --listen PORT; 0 takes a free one",
                ) from error
            yield recorder, f"http://{host}:{runner.addresses[0][1]}{parts.path or '/mcp'}"
        finally:
            await runner.cleanup()


async def _passed_on(
    request: web.Request, recorder: Recorder, upstream: aiohttp.ClientSession, origin: str
) -> web.StreamResponse:
    began_s = time.monotonic()
    body = await request.read()
    message = recorder.asked(request, body)
    sent = URL(f"{origin}{request.raw_path}", encoded=True)
    skipped = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
    answer: web.StreamResponse | None = None
    try:
        async with upstream.request(
            request.method,
            sent,
            skip_auto_headers=skipped,
            headers=_kept(request.headers),
            data=body or None,
            allow_redirects=False,
        ) as reply:
            answer = web.StreamResponse(
                status=reply.status, reason=reply.reason, headers=_kept(reply.headers)
            )
            if (length := reply.headers.get("Content-Length")) is not None and request.method != "HEAD":
                answer.content_length = int(length)
            try:
                await _streamed(reply, answer, request)
            finally:
                if message is not None:
                    opened = reply.headers.get("Mcp-Session-Id", "")
                    recorder.answered(request, message, len(body), began_s, opened)
            return answer
    except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: a head that is not HTTP
        if answer is None:
            recorder.failed += 1
            if isinstance(error, aiohttp.ClientConnectorError):
                return web.Response(status=502, text="harness record: the server is not there")
        if request.transport is not None:
            request.transport.abort()  # one side sees of the other what we saw: a connection that ended
        return answer or web.Response(status=502)


async def _streamed(reply: aiohttp.ClientResponse, answer: web.StreamResponse, request: web.Request) -> None:
    await answer.prepare(request)
    async for chunk in reply.content.iter_any():
        await answer.write(chunk)
    await answer.write_eof()


def _kept(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """The headers but for those of the connection itself."""
    named = {word.strip().lower() for word in headers.get("Connection", "").split(",")}
    dropped = CONNECTION | named
    return [(name, value) for name, value in headers.items() if name.lower() not in dropped]
