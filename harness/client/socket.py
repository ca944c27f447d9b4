"""Exchanges over a WebSocket on asyncio streams, one call at a time. `harness.mcp.frames` has the frames."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from harness.client import connecting, witness
from harness.client.sequence import drive
from harness.foundation.addresses import connect_errors, unix_socket
from harness.foundation.clock import within
from harness.mcp import outcome
from harness.mcp.frames import Frames
from harness.mcp.messages import Reply, Request

T = TypeVar("T")
READ_BYTES = 65_536
CLOSE_S = 0.2
OPENING = Request("websocket/open", b"", (("Upgrade", "websocket"),), None, "GET")


@dataclass(slots=True)
class SocketClient:
    """A client on one open WebSocket."""

    timeout_s: float
    _frames: Frames = field(repr=False)
    _reader: asyncio.StreamReader = field(repr=False)
    _writer: asyncio.StreamWriter = field(repr=False)
    _url: str = ""
    _headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    async def exchange(self, request: Request) -> Reply:
        """Send one request once and return its outcome."""
        now_s = asyncio.get_running_loop().time
        began_s = now_s()
        reply = await self._within(lambda: self._frames.send(request), lambda: False)
        witness.tell(self._url, request, self._headers, reply, now_s() - began_s)
        return reply

    async def open(self) -> Reply:
        """Open the WebSocket; the outcome is ok when frames may be sent."""
        now_s = asyncio.get_running_loop().time
        began_s = now_s()
        reply = await self._within(self._frames.hello, lambda: self._frames.opened)
        witness.tell(self._url, OPENING, self._headers, reply, now_s() - began_s)
        return reply

    async def run(self, sequence: Generator[Request, Reply, T]) -> T:
        """Run a sequence of exchanges to its end."""
        return await drive(self.exchange, sequence)

    async def close(self) -> None:
        """Send the close frame and close; waits at most `CLOSE_S`."""
        try:
            self._writer.write(self._frames.goodbye())
            self._writer.close()
            async with within(CLOSE_S):
                await self._writer.wait_closed()
        except OSError:
            self._writer.transport.abort()

    async def _within(self, begin: Callable[[], bytes], enough: Callable[[], bool]) -> Reply:
        try:
            async with within(self.timeout_s):
                await self._send(begin())
                while self._frames.reply is None and not enough():
                    data = await self._reader.read(READ_BYTES)
                    if not data:
                        return self._frames.ended()
                    await self._send(self._frames.receive(data))
        except TimeoutError:
            return self._frames.fail(outcome.TIMEOUT, f"no answer in {self.timeout_s:g} s")
        except OSError as error:
            return self._frames.ended(reset=isinstance(error, ConnectionResetError | BrokenPipeError))
        return self._frames.reply or Reply(outcome.OK)

    async def _send(self, data: bytes) -> None:
        if data:
            self._writer.write(data)
            await self._writer.drain()


@asynccontextmanager
async def socket_client(
    url: str, timeout_s: float, headers: Mapping[str, str]
) -> AsyncIterator[SocketClient | Reply]:
    """An open WebSocket client, or the reply that says why it could not be opened."""
    try:
        async with within(timeout_s):
            reader, writer = await connecting.connection(url)
    except TimeoutError:
        yield Reply(outcome.TIMEOUT, f"no answer in {timeout_s:g} s")
        return
    except OSError as error:
        yield Reply(outcome.CONNECT, connect_errors.said(error))
        return
    client = SocketClient(
        timeout_s, Frames(unix_socket.plain(url), tuple(headers.items())), reader, writer, url, headers
    )
    try:
        refused = await client.open()
        yield client if refused.outcome == outcome.OK else refused
    finally:
        await client.close()
