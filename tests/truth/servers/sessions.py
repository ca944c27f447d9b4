"""A server that forgets sessions: `forgets` of them, at its first call from `at_call` on at which `least` are open.

The door answers 404 to a call in a session that it does not know. `counts` has how many were forgotten, and how many calls
found that out.
"""

from tests.truth.servers.door import Call

TAKES_S = 0.01


class Sessions:
    """One tool, `wait`."""

    def __init__(self, forgets: int = 7, at_call: int = 100, least: int = 12) -> None:
        self.tools: dict[str, dict[str, object]] = {"wait": {}}
        self._forgets, self._at_call, self._least = forgets, at_call, least

    def call(self, call: Call) -> None:
        known = call.door.sessions
        if self._forgets and call.number >= self._at_call and known is not None and len(known) >= self._least:
            gone = sorted(known)[-self._forgets :]
            known.difference_update(gone)
            call.door.counts["forgotten"] += len(gone)
            self._forgets = 0
        call.after(TAKES_S)
