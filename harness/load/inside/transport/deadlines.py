"""Deadlines for all connections of a process: one greenlet sweeps them, instead of a timer for each call.

A timer for each call costs a sixth of the throughput. The sweep shuts an overdue connection down; the
greenlet that waits on it reads an end of file and finds `expired` set. Deadlines are kept to within one
sweep.
"""

import socket
import time
from collections.abc import Callable
from typing import Protocol

import gevent
import gevent.socket

SWEEP_S = 0.05


class Overdue(Protocol):
    """A connection with a deadline."""

    deadline_ns: int  # 0: nothing is awaited
    expired: bool

    def shut(self) -> None: ...


class Deadlines:
    """Watches the deadlines of connections."""

    def __init__(self) -> None:
        self._watched: set[Overdue] = set()
        self._sweeper: gevent.Greenlet | None = None
        self.beside: Callable[[int], None] | None = None  # sweeps what has its deadlines elsewhere

    def watch(self, connection: Overdue) -> None:
        """Watch this connection's deadline from now on."""
        self._watched.add(connection)
        if self._sweeper is None:
            self._sweeper = gevent.spawn(self._sweep_forever)

    def forget(self, connection: Overdue) -> None:
        self._watched.discard(connection)

    def _sweep_forever(self) -> None:
        while True:
            gevent.sleep(SWEEP_S)
            now_ns = time.monotonic_ns()
            for connection in list(self._watched):
                if 0 < connection.deadline_ns < now_ns:
                    connection.expired = True
                    connection.deadline_ns = 0
                    connection.shut()
            if self.beside is not None:
                self.beside(now_ns)


def shut(sock: gevent.socket.socket | None) -> None:
    """Shut the socket down, so that its reader wakes.

    TLS's own shutdown would leave undecrypted bytes to read.
    """
    if sock is not None:
        try:
            gevent.socket.socket.shutdown(sock, socket.SHUT_RDWR)
        except OSError:
            return
