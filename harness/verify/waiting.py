"""Waiting for something to become true: with back-off, and not for ever.

    eventually(lambda: queue.depth() == 0, "the queue is empty")

Looks at once, after 0.5 s, after 1 s more, ..., up to 5 s apart, until the deadline. A failure says what was awaited, for how long,
and what was seen last.
"""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from harness.foundation.clock import RealClock
from harness.foundation.secrets.hiding import hide
from harness.foundation.units import NS_PER_S, show_duration
from harness.foundation.untrusted.printable import printable
from harness.verify.finding import fail

T = TypeVar("T")
CLOCK: Final = RealClock()
WITHIN_S: Final = 30.0
FIRST_S: Final = 0.5
APART_MOST_S: Final = 5.0
SEEN_CHARS: Final = 200


def eventually(
    look: Callable[[], T],
    awaited: str,
    within_s: float = WITHIN_S,
    first_s: float = FIRST_S,
    now_ns: Callable[[], int] = CLOCK.now_ns,
    sleep: Callable[[float], None] = time.sleep,
    state: Callable[[], object] | None = None,
) -> T:
    """The first value that counts as true; a failed check when none comes in time. `state` tells what was seen, if the value does not."""
    began_ns, wait_s = now_ns(), first_s
    while not (seen := look()):
        left_s = within_s - (now_ns() - began_ns) / NS_PER_S
        if left_s <= 0:
            last = printable(hide(repr(state() if state else seen)), SEEN_CHARS)
            fail(f"waited {show_duration(within_s)} for this: {awaited}. Seen last: {last}")
        sleep(min(wait_s, left_s))
        wait_s = min(2 * wait_s, APART_MOST_S)
    return seen
