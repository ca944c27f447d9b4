"""A server with room for N calls at a time: one more is refused, in one of five ways.

Refusals come after `refuses_s` and take no place: a client that is refused does not spin. `counts` has how many calls
were on their way at most, and how many were refused.
"""

from collections.abc import Callable

from tests.truth.servers.door import Call

REFUSALS: dict[str, Callable[[Call], None]] = {
    "429": lambda call: call.status(429, "rate_limited"),
    "503": lambda call: call.status(503, "http_status"),
    "rpc_error": lambda call: call.rpc_error("full"),
    "tool_error": lambda call: call.tool_error("full"),
    "reset": lambda call: call.reset(),
}


class InFlight:
    """One tool, `wait`."""

    def __init__(self, n: int = 7, how: str = "429", takes_s: float = 0.02, refuses_s: float = 0.005) -> None:
        self.tools: dict[str, dict[str, object]] = {"wait": {}}
        self._n, self._refuse = n, REFUSALS[how]
        self._takes_s, self._refuses_s = takes_s, refuses_s
        self._inside = 0

    def call(self, call: Call) -> None:
        if self._inside >= self._n:
            call.door.counts["refused"] += 1
            call.after(self._refuses_s, lambda: self._refuse(call))
            return
        self._inside += 1
        call.door.counts["at once"] = max(call.door.counts["at once"], self._inside)
        call.after(self._takes_s, lambda: self._answer(call))

    def _answer(self, call: Call) -> None:
        self._inside -= 1
        call.ok()
