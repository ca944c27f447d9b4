"""Workers that the load's master refused: counted, and reported a few times a minute at most.

ZeroMQ reports each handshake that failed. Without a token either side may cut the connection; which one, and
so which event ZeroMQ reports, is a matter of chance. A peer that sends no handshake is cut off as well, and
not counted.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any, Final

import gevent
import zmq
from zmq.utils.monitor import recv_monitor_message

REFUSALS: Final = (
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)
OTHER: Final = zmq.PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC
SAY_EVERY_S: Final = 5.0  # a refused worker tries again ten times a second


class RefusedWorkers:
    """Counts the workers that the master refused, and reports them a few times a minute at most."""

    def __init__(self, runner: Any, say: Callable[..., None]) -> None:
        self._runner = runner
        self._say = say
        self._untold: dict[str, int] = {}
        gevent.spawn(self._listen)
        gevent.spawn(self._tell_regularly)

    def count(self, why: str) -> None:
        self._untold[why] = self._untold.get(why, 0) + 1

    def tell(self) -> None:
        """Report the refusals that have not been reported yet."""
        untold, self._untold = self._untold, {}
        for why, attempts in untold.items():
            logging.getLogger(__name__).warning("refused connection attempts, %s: %d", why, attempts)
            self._say("stranger", attempts=attempts, why=why)

    def _tell_regularly(self) -> None:
        while True:
            while not self._untold:
                gevent.sleep(0.1)
            self.tell()
            gevent.sleep(SAY_EVERY_S)

    def _listen(self) -> None:
        for failure in _refusals(self._runner):
            self.count("with another token" if failure == OTHER else "without a token")


def _refusals(runner: Any) -> Iterator[int]:
    """Yield ZeroMQ's code for each refusal; go on when Locust opens its socket anew."""
    while True:
        monitor = runner.server.socket.get_monitor_socket(REFUSALS | zmq.EVENT_MONITOR_STOPPED)
        while (event := recv_monitor_message(monitor))["event"] != zmq.EVENT_MONITOR_STOPPED:
            yield event["value"]
        gevent.sleep(1.0)
