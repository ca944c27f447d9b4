"""How much PostgreSQL sends for one result, and the end of it when it is too much.

asyncpg keeps all of a result, and there is no way to tell it to keep less; a cursor would cost each query three round
trips more. So the bytes are counted where they come in, between the connection's transport and asyncpg: beyond the
limit the connection is cut, PostgreSQL stops sending, and what was kept is forgotten.
"""

import asyncio
from typing import Any


class ResultTooLargeError(Exception):
    """The result has more bytes than one may have."""


class Meter:
    """Between a transport and its protocol: an asyncio.Protocol that hands on what it is given."""

    def __init__(self, connection: Any) -> None:
        self._transport: asyncio.Transport = connection._transport  # noqa: SLF001  there is no public way
        self._inner: Any = self._transport.get_protocol()
        self._left = 0
        self._counts = False
        self.exceeded = False
        self._transport.set_protocol(self)

    def allow(self, size: int) -> None:
        """From now on so many bytes may come in; 0 is no limit."""
        self._left, self._counts = size, size > 0

    def data_received(self, data: bytes) -> None:
        if self._counts:
            self._left -= len(data)
            if self._left < 0:
                self.exceeded = True
                self._transport.abort()
                return
        self._inner.data_received(data)

    def eof_received(self) -> Any:
        return self._inner.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._inner.connection_lost(error)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()
