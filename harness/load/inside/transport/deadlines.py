"""Deadlines for all connections of a process: one greenlet that looks around, instead of a timer a call.

A timer for each call costs a sixth of the throughput. A connection that is overdue is shut down by the sweep;
whoever waits on it wakes up to an end of file and finds `expired` set. Deadlines are kept to within one sweep.
"""

import socket
import time
from typing import Protocol

import gevent
import gevent.socket

SWEEP_S = 0.05


class Overdue(Protocol):
    """What can be swept."""

    deadline_ns: int  # 0: nothing is awaited
    expired: bool

    def shut(self) -> None: ...


class Deadlines:
    """The connections that wait for something."""

    def __init__(self) -> None:
        self._watched: set[Overdue] = set()
        self._sweeper: gevent.Greenlet | None = None

    def watch(self, connection: Overdue) -> None:
        """From now on its deadline is kept."""
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


def shut(sock: gevent.socket.socket | None) -> None:
    """Wake whoever waits on it; TLS's own shutdown would have what is still there read as it came, undeciphered."""
    if sock is not None:
        try:
            gevent.socket.socket.shutdown(sock, socket.SHUT_RDWR)
        except OSError:
            return
