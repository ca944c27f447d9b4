"""Waiting in a test for what other greenlets do, by a deadline."""

from collections.abc import Callable

import gevent

WITHIN_S = 60.0


def until(there: Callable[[], object]) -> None:
    """Greenlets run while this one waits."""
    with gevent.Timeout(WITHIN_S):
        while not there():
            gevent.sleep(0.002)
