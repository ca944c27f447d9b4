"""Serves a few pages of the harness's own (metrics, the gate of deploys), with limits that aiohttp lacks.

    async with served(application, "127.0.0.1", 0) as port:

- A connection that asks for nothing is closed: HEAD_S after it was opened, when its request has not begun by then to be
  answered; IDLE_S after an answer. While a request is answered it may take as long as it takes.
- There are CONNECTIONS_MOST at a time. One more closes the oldest that asks for nothing, or, where all are being answered, itself.
- What is no HTTP is answered with 400, and is no traceback in anybody's log.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

HEAD_S: Final = 10.0
IDLE_S: Final = 30.0
CONNECTIONS_MOST: Final = 256
SHUTDOWN_S: Final = 1.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Protocol = Any  # aiohttp's RequestHandler, and whatever asyncio asks of one

log = logging.getLogger(__name__)
log.addFilter(lambda record: not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError)))


@dataclass(slots=True)
class Guests:
    """The connections that are open, oldest first."""

    most: int = CONNECTIONS_MOST
    head_s: float = HEAD_S
    idle_s: float = IDLE_S
    open: "dict[Protocol, Guest]" = field(default_factory=dict)

    def came(self, guest: "Guest") -> None:
        """Take a connection in; somebody else may have to leave for it."""
        self.open[guest.inner] = guest
        if len(self.open) > self.most:
            next((one for one in self.open.values() if not one.answered), guest).leave()

    @property
    def middleware(self) -> Any:
        """What tells that a request is being answered."""

        @web.middleware
        async def told(request: web.Request, handler: Handler) -> web.StreamResponse:
            guest = self.open.get(request.protocol)
            if guest is None:
                return await handler(request)
            guest.begin()
            try:
                return await handler(request)
            finally:
                guest.end()

        return told


class Guest(asyncio.Protocol):
    """One connection: aiohttp's own, and the time that it may take."""

    def __init__(self, inner: Protocol, guests: Guests) -> None:
        self.inner, self.guests = inner, guests
        self.answered = False  # a request of it is being answered
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """A request has come, whole but for its body."""
        self.answered = True
        self._wait(None)

    def end(self) -> None:
        """It has been answered."""
        self.answered = False
        self._wait(self.guests.idle_s)

    def leave(self) -> None:
        """Close the connection at once; it counts no more."""
        self.guests.open.pop(self.inner, None)
        if self._transport is not None:
            self._transport.abort()

    def _wait(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = None if seconds is None else loop.call_later(seconds, self.leave)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self.inner.connection_made(transport)
        self._wait(self.guests.head_s)
        self.guests.came(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait(None)
        self.guests.open.pop(self.inner, None)
        self.inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        stays_open: bool | None = self.inner.eof_received()
        return stays_open

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()


@asynccontextmanager
async def served(
    app: web.Application, host: str, port: int, guests: Guests | None = None
) -> AsyncIterator[int]:
    """Serve these pages while the body runs; yield the port. OSError where nobody can listen."""
    guests = guests or Guests()
    app.middlewares.insert(0, guests.middleware)
    runner = web.AppRunner(app, access_log=None, logger=log, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    server = runner.server
    assert server is not None
    try:
        listening = await asyncio.get_running_loop().create_server(
            lambda: Guest(server(), guests), host, port, reuse_address=True
        )
        try:
            yield listening.sockets[0].getsockname()[1]
        finally:
            listening.close()
    finally:
        await runner.cleanup()
