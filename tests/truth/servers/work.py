"""A server that keeps what is written to it, or breaks its word in a known way.

    write(entry)   promises to keep it           read()   everything that is kept

`how`: `kept`; `lost` (each so-manieth promise is not kept); `doubled` (each so-manieth is kept twice); `refused` (every
write is answered with an error); `destroyed` (after so many promises the store is broken, and every read and write is an
error from then on). `counts` has the promises, and how many of them were broken. `wait` is a tool for the load, beside it.
"""

import json

from tests.truth.servers.door import Call

TAKES_S = 0.002


class Work:
    """Three tools, `write`, `read` and `wait`."""

    def __init__(self, how: str = "kept", every: int = 5) -> None:
        self.tools: dict[str, dict[str, object]] = {"write": {}, "read": {}, "wait": {}}
        self._how, self._every = how, every
        self._kept: list[str] = []
        self._broken = False

    def call(self, call: Call) -> None:
        if call.tool == "wait":
            call.after(TAKES_S)
        elif self._broken:
            call.tool_error("the store is damaged")
        elif call.tool == "read":
            call.ok(json.dumps({"entries": self._kept}))
        else:
            self._write(call)

    def _write(self, call: Call) -> None:
        counts = call.door.counts
        if self._how == "refused":
            counts["refused"] += 1
            call.tool_error("writing is forbidden")
            return
        counts["promised"] += 1
        entry = json.dumps(call.arguments)
        counts["templates not filled in"] += "{{" in entry
        unlucky = counts["promised"] % self._every == 0
        times = {"lost": 0, "doubled": 2}.get(self._how, 1) if unlucky else 1
        self._kept += [entry] * times
        counts["broken"] += times != 1
        if self._how == "destroyed" and unlucky:
            self._broken = True
        call.ok()
