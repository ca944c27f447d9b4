"""Streams that a server keeps open, over aiohttp: HTTP+SSE of 2024-11-05, and messages outside of calls.

async with stream_client(url, 5.0, {}) as client:       # HTTP+SSE: a GET, then messages posted where it says
async with listening(http, session.listening()):        # Streamable HTTP: the GET beside the calls
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

import msgspec

from harness.client import witness
from harness.client.http import HttpClient, http_client
from harness.client.sequence import drive
from harness.foundation.clock import within
from harness.mcp import outcome
from harness.mcp.exchange import RESUMPTIONS_MAX
from harness.mcp.messages import NO_ANSWERS, Answers, Reply, Request
from harness.mcp.stream import OPENING, Stream

T = TypeVar("T")


@dataclass(slots=True)
class StreamClient:
    """One open HTTP+SSE stream, and the endpoint that it named."""

    timeout_s: float
    _posts: HttpClient = field(repr=False)
    _stream: Stream = field(repr=False)
    _news: asyncio.Event = field(repr=False)

    async def exchange(self, request: Request) -> Reply:
        """Post one request; its reply comes on the stream."""
        now_s = asyncio.get_running_loop().time
        began_s = now_s()
        self._stream.expect(request.id)
        posted = await self._posts.exchange(msgspec.structs.replace(request, id=None))
        if request.id is None or posted.outcome != outcome.OK:
            return posted
        await _until(lambda: self._stream.reply is not None, self._news, self.timeout_s)
        reply = self._stream.taken() or Reply(outcome.TIMEOUT, f"no answer in {self.timeout_s:g} s")
        witness.tell(self._posts.url, request, {}, reply, now_s() - began_s)
        return reply

    async def run(self, sequence: Generator[Request, Reply, T]) -> T:
        """Run a sequence of exchanges to its end."""
        return await drive(self.exchange, sequence)


@asynccontextmanager
async def stream_client(
    url: str, timeout_s: float, headers: Mapping[str, str], answers: Answers = NO_ANSWERS
) -> AsyncIterator[StreamClient | Reply]:
    """A client whose stream has named its endpoint, or the reply that says why it could not be opened."""
    news = asyncio.Event()
    stream = Stream(url, news.set)
    async with http_client(url, timeout_s, headers, answers) as http:
        reading = asyncio.create_task(http.listen(OPENING, stream))
        try:
            await _until(lambda: bool(stream.endpoint or stream.ended), news, timeout_s)
            if stream.endpoint is not None:
                yield StreamClient(timeout_s, replace(http, url=stream.endpoint), stream, news)
            else:
                yield stream.ended or Reply(outcome.TIMEOUT, f"no endpoint in {timeout_s:g} s")
        finally:
            await _stopped(reading)


@asynccontextmanager
async def listening(http: HttpClient, request: Request | None) -> AsyncIterator[None]:
    """Listen for messages outside of calls in the background; a server without such a stream answers 405."""
    if request is None:
        yield
        return
    decided = asyncio.Event()
    task = asyncio.create_task(_listen(http, request, decided.set))
    try:
        await _until(decided.is_set, decided, http.timeout_s)
        yield
    finally:
        await _stopped(task)


async def _listen(http: HttpClient, request: Request, on_news: Callable[[], object]) -> None:
    """Keep the stream open: when it ends, resume it where it ended."""
    for _ in range(RESUMPTIONS_MAX):
        stream = Stream(http.url, on_news, names_session=request.names_session)
        await http.listen(request, stream)
        if not stream.opened:
            return
        await asyncio.sleep(stream.retry_s)
        request = stream.resumption(request)


async def _until(done: Callable[[], bool], news: asyncio.Event, within_s: float) -> None:
    """Wait until `done` is true, or the time is over."""
    try:
        async with within(within_s):
            while not done():
                news.clear()
                await news.wait()
    except TimeoutError:
        return


async def _stopped(task: "asyncio.Task[object]") -> None:
    task.cancel()
    await asyncio.wait([task])
