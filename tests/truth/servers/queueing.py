"""A queue with `servers` behind it, first come, first served: M/M/c when calls arrive at random.

The time that a call takes is drawn from an exponential distribution (`exponential`), or is always the same. A call is
answered at the moment that the queue gives it, whenever the machine wakes this process up: lateness does not add up.

    begins = max(arrival, first server that is free);   answered = begins + its time
"""

import heapq
from random import Random

from tests.truth.servers.door import Call
from tests.truth.servers.timers import NS_PER_S


class Queueing:
    """One tool, `wait`."""

    def __init__(
        self, takes_s: float = 0.005, servers: int = 1, *, exponential: bool = True, seed: int = 1
    ) -> None:
        self.tools: dict[str, dict[str, object]] = {"wait": {}}
        self._takes_s, self._exponential = takes_s, exponential
        self._free_ns = [0] * servers
        self._random = Random(seed)

    def call(self, call: Call) -> None:
        takes_s = self._random.expovariate(1 / self._takes_s) if self._exponential else self._takes_s
        begins_ns = max(call.arrived_ns, self._free_ns[0])
        answered_ns = begins_ns + round(takes_s * NS_PER_S)
        heapq.heapreplace(self._free_ns, answered_ns)
        call.at(answered_ns, call.ok)
