"""A socket of a client that reads slowly: a piece, then a pause, so that long replies back up to the server."""

import socket
from typing import Any, Final

from harness.load.inside.transport.timer import sleep

PIECE_BYTES: Final = 1_024
RECEIVE_BUFFER_BYTES: Final = 4_096


class SlowSocket:
    """The first piece of a reply is read when it comes. It has no time stamps of the kernel."""

    waits = True
    tells = False
    held_ns = 0

    def __init__(self, sock: Any, bytes_per_s: float) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self._sock = sock
        self._pause_s = PIECE_BYTES / bytes_per_s
        self._waits_s = 0.0

    def send(self, data: bytes) -> int:
        """Send a request: what comes next is the beginning of its reply."""
        self._waits_s = 0.0
        sent: int = self._sock.send(data)
        return sent

    def recv(self, size: int) -> bytes:
        """Pause, unless this is the first piece, and read one."""
        if self._waits_s:
            sleep(self._waits_s)
        self._waits_s = self._pause_s
        chunk: bytes = self._sock.recv(min(size, PIECE_BYTES))
        return chunk
