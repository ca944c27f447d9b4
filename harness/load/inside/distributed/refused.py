"""Those who were refused at the door of the load's master: counted, and told a few times a minute at most.

ZeroMQ tells of each handshake that failed. Who has no token is cut off by one of the two sides: by which, and so what ZeroMQ says of it, is
a matter of chance. Who sends anything else than a handshake is cut off as well, and not counted.
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
SAY_EVERY_S: Final = 5.0  # somebody who is refused tries again ten times a second


class RefusedWorkers:
    """Those who were refused at the master's door: counted, and told a few times a minute at most."""

    def __init__(self, runner: Any, say: Callable[..., None]) -> None:
        self._runner = runner
        self._say = say
        self._untold: dict[str, int] = {}
        gevent.spawn(self._listen)
        gevent.spawn(self._tell_regularly)

    def count(self, why: str) -> None:
        self._untold[why] = self._untold.get(why, 0) + 1

    def tell(self) -> None:
        """What has not been told yet."""
        untold, self._untold = self._untold, {}
        for why, attempts in untold.items():
            logging.getLogger(__name__).warning("refused at the door, %s: %d", why, attempts)
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
    """Why each was refused; Locust may open its socket anew."""
    while True:
        monitor = runner.server.socket.get_monitor_socket(REFUSALS | zmq.EVENT_MONITOR_STOPPED)
        while (said := recv_monitor_message(monitor))["event"] != zmq.EVENT_MONITOR_STOPPED:
            yield said["value"]
        gevent.sleep(1.0)
