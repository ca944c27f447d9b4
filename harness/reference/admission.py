"""Limits the work of the service: calls a second for each client, and calls in flight for all of them.

    --rate-limit 50       each client: 50 calls at once, then 50 a second, evenly      429 with Retry-After
    --max-in-flight 200   all clients together                                         503 with Retry-After

Without them the breaking point depends on the machine; with them it is known. A refused call is not executed;
`refusals` records it.

The rate is kept as one number for each client: the time at which its calls so far would be used up evenly
(the generic cell rate algorithm). A client whose time has passed is like one that was never seen, so it can
be forgotten, which bounds the memory.
"""

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

RATE_LIMITED, OVERLOADED = -32005, -32006  # as JSON-RPC errors, in the range that is the implementation's
CLIENTS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call is refused, for HTTP and for JSON-RPC."""

    status: int
    code: int
    words: str
    retry_after_s: int


class Admission:
    """Decides before each call; one that was let in must `leave`."""

    def __init__(
        self, rate_per_s: float, in_flight_max: int, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate_per_s, self._in_flight_max, self._now_s = rate_per_s, in_flight_max, now_s
        self._used_up_s: dict[str, float] = {}
        self.in_flight = 0
        self.refused: Counter[str] = Counter({"rate": 0, "in_flight": 0})

    def enter(self, client: str) -> Refusal | None:
        """Let the call in (None), or return why not. A limit of zero is none."""
        if self._in_flight_max and self.in_flight >= self._in_flight_max:
            self.refused["in_flight"] += 1
            return Refusal(503, OVERLOADED, f"{self._in_flight_max} calls are in flight already.", 1)
        if self._rate_per_s and (wait_s := self._wait_s(client)) > 0:
            self.refused["rate"] += 1
            words = f"More than {self._rate_per_s:g} calls a second."
            return Refusal(429, RATE_LIMITED, words, math.ceil(wait_s))
        self.in_flight += 1
        return None

    def stay(self) -> None:
        """Count a call again whose client left: it goes on, and is in flight until its next `leave`."""
        self.in_flight += 1

    def leave(self) -> None:
        """Note that a call is answered, or no longer awaited."""
        self.in_flight -= 1

    def _wait_s(self, client: str) -> float:
        """Return how long the client must wait; zero: it may call, and this call is counted."""
        now_s, step_s = self._now_s(), 1 / self._rate_per_s
        used_up_s = max(self._used_up_s.get(client, now_s), now_s) + step_s
        wait_s = used_up_s - now_s - max(1.0, step_s)
        if wait_s <= 1e-9:  # sums of steps are not exact
            if len(self._used_up_s) >= CLIENTS_MAX:
                self._forget(now_s)
            self._used_up_s[client] = used_up_s
            return 0.0
        return wait_s

    def _forget(self, now_s: float) -> None:
        self._used_up_s = {client: used_s for client, used_s in self._used_up_s.items() if used_s > now_s}
        while len(self._used_up_s) >= CLIENTS_MAX:  # all are active: forget the oldest
            del self._used_up_s[next(iter(self._used_up_s))]
