"""Relays exchanges between clients and processes, byte for byte.

    client ---> ClientSide ---> [a connection to the process that was chosen] ---> ServerSide ---> process

An exchange has one connection to a process to itself, and gives it back for the next. If a process refuses the connection
the next one is tried, since nothing was sent; where none accepts, the client's connection is closed without a word. Where one
side ends in the middle, the other is ended, too. After 101 (WebSocket) both sides are joined until one ends.
"""

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import Final

import httptools

from harness.services.balancer import request_head
from harness.services.balancer.answers import Answer
from harness.services.balancer.request_head import RequestHead, RequestHeadError
from harness.services.balancer.routing import Member, Router, State

BUFFER_BYTES_MOST: Final = 1_000_000  # of a request that waits for its connection
CONNECT_S: Final = 5.0


class Relay:
    """What all connections share: the router, and idle connections to processes."""

    def __init__(self, router: Router) -> None:
        self.router = router
        self.refused = 0  # exchanges for which no process was there
        self.cut = 0  # exchanges that a process ended in the middle
        self._idle: dict[tuple[str, int], list[ServerSide]] = defaultdict(list)
        self._busy: set[ServerSide] = set()
        self._changed = asyncio.Event()

    async def connect(self, members: list[Member]) -> "ServerSide | None":
        """Return a connection to the first process that accepts one, with an exchange noted on it."""
        loop = asyncio.get_running_loop()
        for member in members:
            idle = self._idle[(member.name, member.generation)]
            while idle:
                if (side := idle.pop()).is_open:
                    return self._begun(side)
            member.in_flight += 1  # so that nobody drains it meanwhile
            try:
                async with asyncio.timeout(CONNECT_S):
                    _, side = await loop.create_connection(
                        lambda: ServerSide(self, member),  # noqa: B023 - it is called at once
                        member.host,
                        member.port,
                    )
                return self._begun(side)
            except (OSError, TimeoutError):
                continue
            finally:
                member.in_flight -= 1
                self._changed.set()
        self.refused += 1
        return None

    def done(self, side: "ServerSide", *, again: bool) -> None:
        """Note that the exchange on this connection is over."""
        if side not in self._busy:
            return
        self._busy.discard(side)
        self.has_no_end(side)
        if again and side.is_open and side.generation == side.member.generation:
            self._idle[(side.member.name, side.generation)].append(side)
        else:
            side.close()

    def has_no_end(self, side: "ServerSide") -> None:
        """Note that this exchange does not end by itself: nobody waits for it when its process is drained."""
        if side.is_counted:
            side.is_counted = False
            side.member.in_flight -= 1
            self._changed.set()

    async def drain(self, member: Member, within_s: float) -> None:
        """Send nothing new there, and wait for what is under way; what takes longer is left to the process."""
        member.state = State.DRAINS
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while member.in_flight:
                    self._changed.clear()
                    await self._changed.wait()
        member.state = State.AWAY
        for side in self._idle.pop((member.name, member.generation), []):
            side.close()

    def _begun(self, side: "ServerSide") -> "ServerSide":
        self._busy.add(side)
        side.is_counted = True
        side.member.in_flight += 1
        side.member.requests += 1
        return side


class ServerSide(asyncio.Protocol):
    """A connection to a process; `client` is whose exchange it carries."""

    def __init__(self, relay: Relay, member: Member) -> None:
        self.member, self.generation = member, member.generation
        self.client: ClientSide | None = None
        self.answer: Answer | None = None
        self.is_counted = False  # among what is under way at its process
        self._relay = relay
        self.transport: asyncio.Transport | None = None

    @property
    def is_open(self) -> bool:
        return self.transport is not None and not self.transport.is_closing()

    def begin(self, client: "ClientSide", head: RequestHead) -> None:
        """Carry this exchange from now on."""
        self.client = client
        self.answer = Answer(head, self.member, self._relay.router)

    def write(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        client, answer = self.client, self.answer
        if client is None or answer is None:  # nobody asked
            self.close()
            return
        client.write(data)
        if answer.joined:
            return
        try:
            answer.feed(data)
        except httptools.HttpParserError:
            client.close()
            return
        if answer.has_no_end:
            self._relay.has_no_end(self)
        if answer.complete:
            self.client = self.answer = None
            self._relay.done(self, again=answer.keeps_alive)
            client.answered(again=answer.keeps_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        client, self.client = self.client, None
        self._relay.done(self, again=False)
        if client is not None:
            self._relay.cut += self.answer is None or not self.answer.has_no_end
            client.close()

    def pause_writing(self) -> None:
        if self.client is not None:
            self.client.pause()

    def resume_writing(self) -> None:
        if self.client is not None:
            self.client.resume()


class ClientSide(asyncio.Protocol):
    """A client's connection: one exchange after the other."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._buffer = bytearray()  # what has not been relayed yet
        self._head: RequestHead | None = None  # of the exchange under way
        self._left: int | None = (
            0  # bytes of its request that are still to be relayed; None: until its reply is over
        )
        self._side: ServerSide | None = None
        self._last: Member | None = None
        self._connecting: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport | None = None
        self._address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._address = str(transport.get_extra_info("peername")[0])

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._head is None:
            self._begin()
        elif self._side is not None:
            self._forward()
        elif len(self._buffer) > BUFFER_BYTES_MOST:
            self.pause()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._connecting is not None:
            self._connecting.cancel()
        side, self._side = self._side, None
        if side is not None:
            side.client = None
            side.close()

    def write(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()  # after what was written

    def pause(self) -> None:
        if self.transport is not None:
            self.transport.pause_reading()

    def resume(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        if self._side is not None and self._side.transport is not None:
            self._side.transport.pause_reading()

    def resume_writing(self) -> None:
        if self._side is not None and self._side.is_open and self._side.transport is not None:
            self._side.transport.resume_reading()

    def answered(self, *, again: bool) -> None:
        """The reply is over: the next exchange may begin."""
        unread = self._left is not None and self._left > 0
        self._side, self._head = None, None
        if not again or unread or (self._left is None and self._buffer):
            self.close()
        elif self._buffer:
            self._begin()

    def _begin(self) -> None:
        try:
            self._head = head = request_head.parse(bytes(self._buffer))
        except RequestHeadError as error:
            self.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            del error
            self.close()
            return
        if head is not None:
            self._left = head.whole_bytes
            self._connecting = asyncio.get_running_loop().create_task(self._connect(head))

    async def _connect(self, head: RequestHead) -> None:
        members = self._relay.router.choose(head.session, self._address, self._last)
        side = await self._relay.connect(members)
        self._connecting = None
        if side is None or self.transport is None or self.transport.is_closing():
            if side is not None:
                self._relay.done(side, again=True)
            self.close()
            return
        side.begin(self, head)
        self._side, self._last = side, side.member
        self._forward()
        self.resume()

    def _forward(self) -> None:
        """Relay what has come of the request."""
        assert self._side is not None
        if self._left is None or (self._side.answer is not None and self._side.answer.joined):
            piece, self._buffer = bytes(self._buffer), bytearray()
        else:
            piece = bytes(self._buffer[: self._left])
            del self._buffer[: self._left]
            self._left -= len(piece)
        if piece:
            self._side.write(piece)
