"""Limits how many bytes PostgreSQL may send for one result.

asyncpg keeps a whole result in memory, and has no limit for it; a cursor would cost each query three more
round trips. So the bytes are counted between the connection's transport and asyncpg: beyond the limit the
connection is cut, PostgreSQL stops sending, and the partial result is dropped.
"""

import asyncio
from typing import Any


class ResultTooLargeError(Exception):
    """The result has more bytes than allowed."""


class Meter:
    """An asyncio.Protocol between a transport and its protocol, which counts bytes and passes them on."""

    def __init__(self, connection: Any) -> None:
        self._transport: asyncio.Transport = connection._transport  # noqa: SLF001  there is no public way
        self._inner: Any = self._transport.get_protocol()
        self._left = 0
        self._counts = False
        self.exceeded = False
        self._transport.set_protocol(self)

    def allow(self, size: int) -> None:
        """Allow this many bytes from now on; 0 is no limit."""
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
