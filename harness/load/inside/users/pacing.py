"""When a user of closed load is ready for its next call, and how it backs off.

    previous call done --think--> ready = intended start --(scheduling)--> sent

The intended start is the end of the previous call plus the think time drawn: what the scheduler adds is
part of the response time, not of the thinking. After a failure of the connection a user waits before
it tries again, 0.1 s doubling to 5 s, each with jitter (half to the whole of it), as a real client would.
"""

from dataclasses import dataclass
from random import Random

from harness.foundation.units import NS_PER_S

BACKOFF_S_FIRST = 0.1
BACKOFF_S_MAX = 5.0


@dataclass(slots=True)
class Pacing:
    """The pacing of one user: its next intended start, and its back-off."""

    rng: Random
    ready_ns: int
    backoff_s: float = 0.0
    free_ns: int = 0  # when its previous call was done; an arrival may have waited for that

    def done(self, done_ns: int, *, connection_failed: bool) -> None:
        """Note that a call has ended; the next is due at once, or after the back-off."""
        self.ready_ns = self.free_ns = done_ns
        if connection_failed:
            self.backoff_s = min(max(self.backoff_s * 2, BACKOFF_S_FIRST), BACKOFF_S_MAX)
        else:
            self.backoff_s = 0.0

    def wait_s(self, think_s: float, now_ns: int) -> float:
        """Return how long to wait from now, after thinking and, if the connection failed, backing off."""
        waits_s = think_s
        if self.backoff_s:
            waits_s = max(think_s, self.backoff_s * self.rng.uniform(0.5, 1.0))
        self.ready_ns += int(waits_s * NS_PER_S)
        return max(0.0, (self.ready_ns - now_ns) / NS_PER_S)
