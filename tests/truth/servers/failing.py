"""Calls that fail, as many as they should and in the way they should.

`share`: each call fails with that probability, by a seed. `every`: each so-manieth call fails, for sure. `ways` are taken
by turns: the nine below. The record has each call with the outcome that its client has to see.
"""

import itertools
import json
from collections.abc import Callable, Sequence
from random import Random

from tests.truth.servers.door import Call

WAYS: dict[str, Callable[[Call], None]] = {
    "tool_error": lambda call: call.tool_error("the tool says no"),
    "rpc_error": lambda call: call.rpc_error("the server says no"),
    "rate_limited": lambda call: call.status(429, "rate_limited"),
    "unauthorized": lambda call: call.status(401, "unauthorized"),
    "http_status": lambda call: call.status(500, "http_status"),
    "bad_body": lambda call: call.raw("bad_body", b"this is no JSON"),
    "id_mismatch": lambda call: call.raw("id_mismatch", _of_another(call)),
    "truncated": lambda call: call.cut_short(),
    "disconnected": lambda call: call.disconnect(),
    "reset": lambda call: call.reset(),
}


def _of_another(call: Call) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 123456789, "result": {"content": []}}).encode()


class Failing:
    """One tool, `wait`."""

    def __init__(
        self,
        *,
        share: float = 0.0,
        every: int = 0,
        ways: Sequence[str] = ("tool_error",),
        takes_s: float = 0.005,
        seed: int = 1,
        read_only: bool = False,
    ) -> None:
        self.tools = {"wait": {"annotations": {"readOnlyHint": True}} if read_only else {}}
        self._share, self._every, self._takes_s = share, every, takes_s
        self._ways = itertools.cycle([WAYS[way] for way in ways])
        self._random = Random(seed)

    def call(self, call: Call) -> None:
        fails = call.number % self._every == 0 if self._every else self._random.random() < self._share
        fail = next(self._ways) if fails else None
        call.after(self._takes_s, (lambda: fail(call)) if fail else call.ok)
