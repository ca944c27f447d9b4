"""A worker that is refused reports it on its own terminal, in three lines, and ends with exit code 2.

    watch(socket, has_token)    watch a worker's first socket until the master accepts or refuses it
    tell(error)                 write the three lines

ZeroMQ does not tell a worker that it is refused: it tries again, and Locust waits for minutes, or fails with
a traceback. Without a token, the protocol reports the failed handshake; with a wrong one, the connection is
cut each time.
"""

import sys
from typing import Any, Final

import gevent
import zmq
from zmq.utils.monitor import recv_monitor_message

from harness.foundation.errors import USAGE, HarnessError, UsageError
from harness.foundation.untrusted import printable

TRIES: Final = 3  # a master may end, and another start, during a handshake
_NOT_ALIKE: Final = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
_LET_IN: Final = zmq.EVENT_HANDSHAKE_SUCCEEDED
_TOLD: Final = zmq.EVENT_CONNECTED | zmq.EVENT_MONITOR_STOPPED | _LET_IN | _NOT_ALIKE


def watch(socket: Any, *, has_token: bool) -> None:
    """Watch the socket; if the worker is refused, end the calling greenlet, which waits for the master."""
    waiting = gevent.getcurrent()
    gevent.spawn(_until_decided, socket, socket.get_monitor_socket(_TOLD), waiting, has_token)


def _until_decided(socket: Any, monitor: Any, waiting: Any, has_token: bool) -> None:
    knocked = 0
    while True:
        event = recv_monitor_message(monitor)
        if event["event"] == _LET_IN:
            socket.disable_monitor()
        if event["event"] in {_LET_IN, zmq.EVENT_MONITOR_STOPPED}:
            return
        knocked += event["event"] == zmq.EVENT_CONNECTED
        if event["event"] & _NOT_ALIKE or knocked > TRIES:
            break
    tell(refused(event["endpoint"].decode(errors="replace"), has_token=has_token))
    gevent.kill(waiting, SystemExit(USAGE))


def refused(place: str, *, has_token: bool) -> UsageError:
    """Return the error for a refused worker: why, as far as it can know, and what to do."""
    why = (
        "Its token is not that of the run"
        if has_token
        else "It has no token: neither HARNESS_JOIN_TOKEN nor HARNESS_JOIN_TOKEN_FILE is set"
    )
    return UsageError(
        f"The master at {place} does not let this worker in",
        f"{why}, or what listens there is no master of a load",
        "Set HARNESS_JOIN_TOKEN_FILE to a copy of the run's join.token, or HARNESS_JOIN_TOKEN to what the run was given",
    )


def tell(error: HarnessError) -> None:
    """Write the error to standard error, whatever Locust's log level is."""
    sys.stderr.write(printable.lines("\n  ".join(("Error: " + error.what, *error.lines()[1:]))) + "\n")
    sys.stderr.flush()
