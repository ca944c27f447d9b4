"""A check of a reply within a bound of processor time, whatever the reply holds: a regular expression may need ages for some text.

The expression is the user's, the text the server's: `(a+)+$` takes longer than anybody lives for forty letters of a server that
knows it. Python's own search listens to signals, so a timer of the process ends it. That works in the main thread, where
users and their greenlets run.
"""

import signal
from collections.abc import Callable
from typing import Any, Final, TypeVar

BOUND_S: Final = 0.25  # of processor time: a search in a megabyte takes a tenth of it
T = TypeVar("T")


class TooLongError(Exception):
    """It took more than the bound."""


class _Bell:
    """Rings while something is bounded, and never behind it."""

    armed = False

    def ring(self, *_: Any) -> None:
        if self.armed:
            self.armed = False
            raise TooLongError


_BELL: Final = _Bell()


def bounded(work: Callable[[], T], bound_s: float = BOUND_S) -> T:
    """Return what it returns; TooLongError when it takes longer."""
    try:
        signal.signal(signal.SIGVTALRM, _BELL.ring)
    except ValueError:  # another thread than the main one hears of no signal
        return work()
    _BELL.armed = True
    signal.setitimer(signal.ITIMER_VIRTUAL, bound_s)
    try:
        return work()
    finally:
        _BELL.armed = False
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
