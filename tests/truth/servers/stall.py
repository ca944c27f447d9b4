"""A server that stands still: it answers after 5 ms, but for one second nobody is answered.

    first call ... `after_s` ... |===== stands still =====| ... `every_s` after the beginning of the last: again

What arrives while it stands still is answered when it goes on, 5 ms later at the earliest. `counts` has when it stood still.
"""

from tests.truth.servers.door import Call
from tests.truth.servers.timers import NS_PER_S

TAKES_S = 0.005


class Stall:
    """One tool, `wait`."""

    def __init__(self, after_s: float = 10, every_s: float = 20, stands_s: float = 1) -> None:
        self.tools: dict[str, dict[str, object]] = {"wait": {}}
        self._after_s, self._every_s, self._stands_s = after_s, every_s, stands_s
        self._first_ns = 0

    def call(self, call: Call) -> None:
        self._first_ns = self._first_ns or call.arrived_ns
        since_s = (call.arrived_ns - self._first_ns) / NS_PER_S - self._after_s
        into_s = since_s % self._every_s
        waits_s = self._stands_s - into_s if since_s >= 0 and into_s < self._stands_s else 0.0
        call.after(waits_s + TAKES_S)
