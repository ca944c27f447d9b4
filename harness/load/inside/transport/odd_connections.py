"""Connections of clients that do not wait and read like the others: one that gives calls up, one that reads slowly.

Both keep to the protocol. What they do to times is part of them: a call that was given up is `cancelled`, neither a
success nor a failure, and a reply that is read slowly takes as long as the reading.
"""

import random
import time
from typing import Any, Final

import gevent.socket
import msgspec

from harness.foundation.units import NS_PER_S
from harness.load.inside.transport.http_connection import HttpConnection
from harness.load.inside.transport.kernel_stamps import PlainSocket
from harness.load.inside.transport.measured_exchange import Exchanged
from harness.load.inside.transport.sockets import Bare
from harness.load.inside.transport.timer import sleep
from harness.mcp import outcome
from harness.mcp.messages import Request

PIECE_BYTES: Final = 1_024
RECEIVE_BUFFER_BYTES: Final = 4_096


class ImpatientConnection(HttpConnection):
    """Gives a tool call up after a time: the server is told `notifications/cancelled`, or sees the connection close."""

    def patience_s(self) -> float:
        """How long it waits for the next call: drawn for each."""
        return random.uniform(0.1, 2.0)

    def exchange(
        self, request: Request, *, target: str = "", deadline_ns: int = 0, resumed: int = 0
    ) -> Exchanged:
        """Make one attempt; a tool call ends as `cancelled` when patience does."""
        if deadline_ns or not request.operation.startswith("tools/call"):
            return super().exchange(request, target=target, deadline_ns=deadline_ns, resumed=resumed)
        patience_ns = min(int(self.patience_s() * NS_PER_S), self._timeout_ns)
        done = super().exchange(request, target=target, deadline_ns=time.monotonic_ns() + patience_ns)
        if done.reply.outcome == outcome.TIMEOUT and patience_ns < self._timeout_ns:
            done.reply = msgspec.structs.replace(
                done.reply, outcome=outcome.CANCELLED, detail="given up by the client"
            )
        return done


class SlowConnection(HttpConnection):
    """Reads a kilobyte at a time, with a pause after each, so that long replies back up to the server."""

    pause_s = 0.05

    def _ready(self) -> tuple[bool, gevent.socket.socket, Bare]:
        reused, sock, bare = super()._ready()
        if not isinstance(bare, SlowSocket):
            sock.setsockopt(gevent.socket.SOL_SOCKET, gevent.socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            self._bare = bare = SlowSocket(sock, self.pause_s)
        return reused, sock, bare


class SlowSocket(PlainSocket):
    """A socket that is read slowly; the first piece of a reply is read when it comes."""

    __slots__ = ("_pause_s", "_sock", "_waits_s")

    def __init__(self, sock: Any, pause_s: float) -> None:
        super().__init__(sock, waits=True)
        self._sock, self._pause_s, self._waits_s = sock, pause_s, 0.0
        self.send, self.recv = self._send, self._receive

    def _send(self, data: bytes) -> int:
        """Send a request: what comes next is the beginning of its reply."""
        self._waits_s = 0.0
        sent: int = self._sock.send(data)
        return sent

    def _receive(self, size: int) -> bytes:
        """Pause, unless this is the first piece, and read one."""
        if self._waits_s:
            sleep(self._waits_s)
        self._waits_s = self._pause_s
        chunk: bytes = self._sock.recv(min(size, PIECE_BYTES))
        return chunk
