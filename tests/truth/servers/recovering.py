"""A server that is slow for a known time after it went on from a standstill (SIGSTOP, SIGCONT): when did it recover?

    20 ms ... | pause: nobody is answered | slow_s: 200 ms for those who are meant | 20 ms ...
                                       SIGCONT = the fault is healed

Who is meant: `all`; `tool` (calls of `rare` only, of two tools); `shard` (three of ten calls of each tool, drawn by a
seed). `slow_s` of null is for ever. `fails` is the share of calls that fail, from `fails_after_s` after the first call on.
`counts` has how often it went on.
"""

import asyncio
import signal
import time
from random import Random

from tests.truth.servers.door import Call
from tests.truth.servers.timers import NS_PER_S

FAST_S, SLOW_S, SHARD = 0.020, 0.200, 0.3


class Recovering:
    """Two tools that do the same, `often` and `rare`."""

    def __init__(
        self, who: str = "all", slow_s: float | None = 4, fails: float = 0.0, fails_after_s: float = 0.0
    ) -> None:
        self.tools: dict[str, dict[str, object]] = {"often": {}, "rare": {}}
        self._who, self._slow_s = who, slow_s
        self._fails, self._fails_after_s = fails, fails_after_s
        self._random = Random(1)
        self._went_on_ns: int | None = None
        self._first_ns = 0
        asyncio.get_running_loop().add_signal_handler(signal.SIGCONT, self._goes_on)

    def _goes_on(self) -> None:
        self._went_on_ns = time.monotonic_ns()

    def call(self, call: Call) -> None:
        self._first_ns = self._first_ns or call.arrived_ns
        chance, fate = self._random.random(), self._random.random()
        meant = {"all": True, "tool": call.tool == "rare", "shard": chance < SHARD}[self._who]
        takes_s = SLOW_S if meant and self._is_slow(call.arrived_ns) else FAST_S
        failing = (call.arrived_ns - self._first_ns) / NS_PER_S >= self._fails_after_s and fate < self._fails
        call.after(takes_s, call.tool_error if failing else call.ok)

    def _is_slow(self, now_ns: int) -> bool:
        if self._went_on_ns is None:
            return False
        return self._slow_s is None or now_ns - self._went_on_ns < self._slow_s * NS_PER_S
